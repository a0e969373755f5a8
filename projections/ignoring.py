"""Places in a JSON document that a comparison leaves out: JSON Pointers whose parts are globs."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from typing import Any

from ..domain.errors import InvalidRequest

_ANY_DEPTH = "**"

NAMED: dict[str, tuple[str, ...]] = {
    "times": (
        "/context/*/*/timestamp",
        "/lastStartedAt",
        "/totalExecutionTime",
        "/retryState/nextRetryAt",
    ),
}
"""Sets of places of a snapshot that can be ignored by name."""

_Rest = tuple[str, ...]
"""The parts of a pointer that are still to come; none: it has arrived."""


class Ignored:
    """What is ignored at one place of a document and below it."""

    __slots__ = ("_rests", "whole")

    def __init__(self, rests: Iterable[_Rest]) -> None:
        self._rests = frozenset(_arrivals(rests))
        self.whole = () in self._rests
        """Whether it is this place itself that is ignored, with all that is in it."""

    def below(self, part: str | int) -> "Ignored | None":
        """The same one level down, at a key or index; None where nothing there is ignored."""
        name = str(part)
        rests = [
            rest if rest[0] == _ANY_DEPTH else rest[1:]
            for rest in self._rests
            if rest and (rest[0] == _ANY_DEPTH or re.match(translate(rest[0]), name))
        ]
        return Ignored(rests) if rests else None


def below(ignored: Ignored | None, *parts: str | int) -> Ignored | None:
    """What is ignored further down; None for nothing, at the beginning and in the end."""
    for part in parts:
        if ignored is None:
            return None
        ignored = ignored.below(part)
    return ignored


def masked(value: Any, ignored: Ignored | None) -> Any:
    """The value without what is ignored in it: keys are gone, items of an array null, so that none changes place."""
    if ignored is None:
        return value
    if ignored.whole:
        return None
    if isinstance(value, dict):
        inside = ((key, item, ignored.below(key)) for key, item in value.items())
        return {key: masked(item, left) for key, item, left in inside if left is None or not left.whole}
    if isinstance(value, list):
        return [masked(item, ignored.below(index)) for index, item in enumerate(value)]
    return value


def ignored_places(ignore: str | Sequence[str]) -> Ignored | None:
    """From what a caller wants ignored: JSON Pointers with globs, and names of sets. None: nothing.

    Raises InvalidRequest.
    """
    asked = [ignore] if isinstance(ignore, str) else list(ignore)
    pointers = [pointer for one in asked for pointer in (NAMED.get(one, (one,)) if isinstance(one, str) else (one,))]
    return Ignored(_parts(pointer) for pointer in pointers) if pointers else None


def _parts(pointer: Any) -> _Rest:
    if not isinstance(pointer, str):
        raise InvalidRequest(f"a path to ignore is text, such as {_EXAMPLE!r}, not {type(pointer).__name__}")
    if not pointer.startswith("/"):
        raise InvalidRequest(
            f"path to ignore {pointer!r} is no JSON Pointer, which begins with a slash, as {_EXAMPLE}; "
            f"nor is it a set that has a name: {', '.join(NAMED)}"
        )
    if re.search("~(?![01])", pointer):
        raise InvalidRequest(f"path to ignore {pointer!r}: in a JSON Pointer ~ is written ~0, and / in a key ~1")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


_EXAMPLE = "/context/*/*/timestamp"


def _arrivals(rests: Iterable[_Rest]) -> Iterable[_Rest]:
    """Any number of levels may also be none."""
    for rest in rests:
        yield rest
        while rest and rest[0] == _ANY_DEPTH:
            rest = rest[1:]
            yield rest
