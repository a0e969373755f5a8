"""Places in a JSON value, as JSON Pointers (RFC 6901)."""

from collections.abc import Iterable

Path = tuple[str | int, ...]
"""Keys and indexes, from the outside in."""


def json_pointer(path: Iterable[str | int]) -> str:
    """``("a/b", 3)`` as ``/a~1b/3``."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def pointer_parts(pointer: str) -> tuple[str, ...]:
    """``/a~1b/3`` as ``("a/b", "3")``; of a pointer that begins with a slash."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))
