"""Redaction of a store's URL: neither a password is shown, nor anything that might be one.

A mistyped URL can't be parsed, and then it is unclear which part is the password. So anything that looks like a
password counts as one, and a URL that can't be parsed is described, not repeated.
"""

import os
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from ...domain.errors import FlowledgerError, StorageUnavailable

HIDDEN = "***"

_SECRET_WORDS = re.compile("pass|pwd|secret|token|key|credential|auth", re.IGNORECASE)
_BARE = r"[a-z][a-z0-9+.-]+:(?-i:[a-z._/-]*)"
"""A scheme and a plain word, as in ``memory:`` and ``lmdb:orders``; with other characters it may be a password."""
_SCHEMES = re.compile(rf"(?:[a-z][a-z0-9+.-]*:/+|/+)+|{_BARE}$", re.IGNORECASE)
"""The beginning of a URL; a mistyped one may have several."""
_USER_ONLY = re.compile(r"(?:postgresql|postgres)://[^:/?#@%]*@", re.IGNORECASE)
_PORT = re.compile(r":([^:,/?#\]]*)(?=[,/?#]|$)")
_OPTION = re.compile(r"[?&;#]([^?&;#]*)")
_SETTING = re.compile(r"(?<![^\s=?&;])([^\s=?&;]++)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&;]+)")


def redact_url(url: str) -> str:
    """The URL without anything that might be secret."""
    spans = sorted(span for span in _spans(url) if span[0] < span[1])
    parts, end = [], 0
    for start, stop in spans:
        if start >= end:
            parts += [url[end:start], HIDDEN]
        end = max(end, stop)
    return "".join((*parts, url[end:]))


def describe_text(url: str) -> str:
    """Describe a text that is no store's URL: itself where it can't be a secret, else its length."""
    is_plain = re.fullmatch(rf"(?:[a-z][a-z0-9+.-]*:/+)?[^:@=?%&\s]*|{_BARE}", url, re.IGNORECASE)
    return repr(url) if is_plain and len(url) <= _LONGEST else f"a text of {len(url):,} characters"


_LONGEST = 200


def redact_secrets(text: str, url: str) -> str:
    """A text, such as an error message, without anything that might be the password of the URL."""
    for secret in sorted(_secrets(url), key=len, reverse=True):
        hidden = re.escape(secret) if len(secret) > _SHORT else rf"(?<!\w){re.escape(secret)}(?!\w)"
        text = re.sub(hidden, HIDDEN, text)
    return text


_SHORT = 8
"""A password of at most so many characters is hidden only as a whole word: ``postgres`` is part of other words."""


def redact_urls(text: str) -> str:
    """A text, such as a message about mistyped arguments, with every URL redacted."""
    # In ASCII: a password may contain other white space, at which the shell doesn't end a word.
    return re.sub(r"[^\s'\"]+", lambda found: redact_url(found[0]), text, flags=re.ASCII)


def redact_error(error: FlowledgerError, url: str) -> FlowledgerError:
    """The error; or, where it or one of its causes shows a secret of the URL, one like it without causes.

    Raise it outside of any ``except`` block, where Python would add the caught error as its context.
    """
    if not any(redact_secrets(text, url) != text for text in _error_texts(error)):
        return error
    message = redact_secrets(str(error), url)
    return type(error)(message) if len(error.args) == 1 else StorageUnavailable(message)


def _error_texts(error: BaseException | None) -> Iterator[str]:
    """The texts of an error and of its causes."""
    seen: set[int] = set()
    pending = [error]
    while pending:
        error = pending.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        yield f"{error} {error!r} {vars(error)}"
        pending += [error.__cause__, error.__context__]


def _secrets(url: str) -> set[str]:
    """Anything that might be a password, as spelled in the URL and in other encodings."""
    found = {url[start:stop] for start, stop in _spans(url)} | {os.environ.get("PGPASSWORD", "")}
    decoded = found | {unquote(secret) for secret in found} | {unquote_plus(secret) for secret in found}
    encoded = {spelled(secret, safe="", errors="replace") for secret in decoded for spelled in (quote, quote_plus)}
    # An error may quote a part: libpq takes the rest of a password with an "@" for the host.
    parts = {part for secret in decoded for part in re.split(r"[@/?#:&\s]", secret) if len(part) > 3}
    return (decoded | encoded | parts | {repr(secret)[1:-1] for secret in decoded}) - {"", HIDDEN}


def _spans(url: str) -> Iterator[tuple[int, int]]:
    """The spans of text that might be secret."""
    begun = _SCHEMES.match(url)
    start = begun.end() if begun else 0
    at = url.rfind("@")
    if at >= start:
        colon = url.find(":", start, at)
        if colon >= 0:
            yield colon + 1, at
        elif not _USER_ONLY.match(url):
            yield start, at
    rest = max(start, at + 1)
    for port in _PORT.finditer(url, rest):
        if not port[1].isdigit():
            yield port.span(1)
    for option in _OPTION.finditer(url, rest):
        name, _, value = unquote_plus(option[1]).partition("=")
        if _SECRET_WORDS.search(name) or (_SECRET_WORDS.search(value) and "=" in value):
            equals = option[1].find("=")
            yield option.start(1) + equals + 1, option.end(1)
    for setting in _SETTING.finditer(url):
        if _SECRET_WORDS.search(unquote_plus(setting[1])):
            yield setting.span(2)
