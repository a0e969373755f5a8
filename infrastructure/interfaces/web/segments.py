"""Names in paths: any text can be a part of an address, also one with a slash in it."""

import re
from typing import Final
from urllib.parse import quote, unquote

_DOTS: Final = re.compile(r"~*\.\.?")
"""What browsers and proxies take for a way up, however it is encoded; and names that begin alike."""


def write_segment(name: str) -> str:
    """A name as a part of a path. ``.`` and ``..`` get a tilde before them."""
    return quote(f"~{name}" if _DOTS.fullmatch(name) else name, safe="")


def read_segment(sent: str) -> str:
    """The name that a part of a path stands for."""
    name = unquote(sent)
    return name[1:] if name.startswith("~") and _DOTS.fullmatch(name) else name


def path_as_sent(path: str, raw: bytes | None) -> str:
    """A path with its parts still encoded, each in one way: what a server decoded has lost which slashes are names'.

    ``raw`` is the path that was asked for, with all that stands before this one; where it is unknown, or isn't what
    ``path`` was decoded from, each slash parts.
    """
    parts = [] if raw is None else _last_parts(raw.decode("ascii", "replace").split("/"), path)
    return "/".join(quote(part, safe="") for part in parts or path.split("/"))


def _last_parts(sent: list[str], path: str) -> list[str]:
    """Those of the end, decoded, that the path was made of, with an empty one before them; none if there are none."""
    found: list[str] = []
    length = 0
    while sent and length < len(path):
        found.append(unquote(sent.pop()))
        length += 1 + len(found[-1])
    found = ["", *reversed(found)]
    return found if "/".join(found) == path else []
