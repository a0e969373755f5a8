"""File names for ids, which may be any text."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import quote


def file_names(ids: Iterable[str]) -> dict[str, str]:
    """Id → file name without suffix; unique also on case-insensitive file systems.

    Letters, digits, ``-`` and ``_`` stay as they are, everything else is percent-encoded UTF-8: ``unquote`` gives the
    id back. Only a name that would be too long is cut, and ends in a digest.
    """
    names = {id: _encode(id) for id in ids}
    taken = Counter(name.lower() for name in names.values())
    return {id: _shorten(_encode_upper_case(name) if taken[name.lower()] > 1 else name) for id, name in names.items()}


def _encode(id: str) -> str:
    name = quote(id, safe="").replace(".", "%2E").replace("~", "%7E")
    return f"%{ord(name[0]):02X}{name[1:]}" if name.lower() in _RESERVED else name


def _encode_upper_case(name: str) -> str:
    """Encode upper-case letters as well, except in percent codes."""
    return re.sub("(%[0-9A-F]{2})|([A-Z])", lambda found: found[1] or f"%{ord(found[2]):02X}", name)


def _shorten(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"


_LONGEST = 120
"""Characters; file systems take 255 bytes, some encrypted ones 143 of them."""

_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{device}{number}" for device in ("com", "lpt") for number in range(10))}
)
"""Names that Windows reserves for devices, with any suffix."""
