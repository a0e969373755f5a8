"""What a text that consists of several parts hides: a password in a URL, settings such as ``token=…``, a JSON text."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

_MAX_SETTINGS = 16 * 1024
"""Characters up to which a text is searched for passwords and tokens in it."""

_MAX_JSON = 4 * 2**20
"""Characters up to which a text is read as JSON."""


def _setting(unquoted: str) -> re.Pattern[str]:
    return re.compile(
        r"(?:pass|pwd|secret|token|key|sig|auth|cred|sess)[\w.-]{0,40}\s{0,8}=\s{0,8}"
        rf"""(?:'((?:[^'\\]|\\.){{1,999}})'|"((?:[^"\\]|\\.){{1,999}})"|({unquoted}{{1,999}}))""",
        re.IGNORECASE,
    )


_SETTINGS = (
    re.compile(r"://[^\s/@:]{0,999}:([^\s/?#]{1,999})@"),  # the password in a URL
    re.compile(r"://[^\s/@:]{0,999}:(\S{1,999})@"),  # the same with a slash in it, which should have been encoded
    re.compile(r"://([^\s/?#@:]{8,999})@"),  # a user without a password is a token
    _setting(r"""[^\s;&,'"]"""),  # as in a URL
    _setting(r"""[^\s;'"]"""),  # as in the connection strings of databases
    re.compile(r"^\s*(?:Bearer|Basic|Token|ApiKey)\s+(\S{1,9999})\s*$", re.IGNORECASE),  # the value of a header
    re.compile(r"^\s*[\w.@+-]{1,99}:(?!//)(\S{8,999})\s*$"),  # user and password
)

_BETWEEN = re.compile(r"[=:\s]")
"""One of these is in every text of several parts."""


def parts_of(text: str) -> Iterator[Any]:
    """Passwords and tokens in the text, and all of it where it is JSON."""
    if len(text) <= _MAX_SETTINGS and _BETWEEN.search(text):
        for setting in _SETTINGS:
            for found in setting.finditer(text):
                part = next(filter(None, found.groups()))
                yield from {part, unquote(part)}
        if text.lstrip()[:6].lower() == "basic ":
            with suppress(ValueError):  # it is no base64, or no text
                yield base64.b64decode(text.strip()[6:], validate=True).decode()
    if text.lstrip()[:1] in ("{", "[", '"') and len(text) <= _MAX_JSON:
        with suppress(ValueError, RecursionError):  # it only looks like JSON
            yield json.loads(text)
