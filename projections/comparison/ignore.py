"""Places in a JSON document that a comparison leaves out: JSON Pointers whose parts are globs."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Any

from ...domain.errors import InvalidRequest
from ...domain.values.json_pointer import pointer_parts
from ...domain.visible import quoted

_ANY_DEPTH = "**"

_ANY = frozenset({"*", _ANY_DEPTH})

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
"""The parts of a pointer that are not matched yet; none: the place itself matches."""


class Ignored:
    """What is ignored at one place of a document and below it."""

    __slots__ = ("_known", "_rests", "whole")

    def __init__(self, rests: frozenset[_Rest], known: "dict[frozenset[_Rest], Ignored] | None" = None) -> None:
        self._rests = rests
        self._known: dict[frozenset[_Rest], Ignored] = {} if known is None else known
        """The distinct states of the matching, shared by all places of the document: there are few."""
        self.whole = () in rests
        """Whether it is this place itself that is ignored, with all that is in it."""

    def below(self, part: str | int) -> "Ignored | None":
        """What is ignored one level down, at a key or index; None where nothing is."""
        further = (rest for rest in self._rests if rest and _matches(rest[0], part))
        rests = _with_empty_globstars(rest if rest[0] == _ANY_DEPTH else rest[1:] for rest in further)
        if not rests:
            return None
        if rests not in self._known:
            self._known[rests] = Ignored(rests, self._known)
        return self._known[rests]


def _matches(glob: str, part: str | int) -> bool:
    return glob in _ANY or _compiled(glob).match(str(part)) is not None


@lru_cache
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def _with_empty_globstars(rests: Iterable[_Rest]) -> frozenset[_Rest]:
    """Also the rests that remain where ``**`` stands for no level."""
    found: set[_Rest] = set()
    for rest in rests:
        found.add(rest)
        while rest and rest[0] == _ANY_DEPTH:
            rest = rest[1:]
            found.add(rest)
    return frozenset(found)


def below(ignored: Ignored | None, *parts: str | int) -> Ignored | None:
    """What is ignored further down; None for nothing, at the beginning and in the end."""
    for part in parts:
        if ignored is None:
            return None
        ignored = ignored.below(part)
    return ignored


def without_ignored(value: Any, ignored: Ignored | None) -> Any:
    """The value without its ignored parts: keys are left out, items of an array become null and keep their places."""
    if ignored is None:
        return value
    if ignored.whole:
        return None
    if isinstance(value, dict):
        inside = ((key, item, ignored.below(key)) for key, item in value.items())
        return {key: without_ignored(item, left) for key, item, left in inside if left is None or not left.whole}
    if isinstance(value, list):
        return [without_ignored(item, ignored.below(index)) for index, item in enumerate(value)]
    return value


def ignored_places(ignore: str | Sequence[str]) -> Ignored | None:
    """The places that a caller wants to ignore, from JSON Pointers with globs and names of sets. None: nothing.

    Raises InvalidRequest.
    """
    asked = [ignore] if isinstance(ignore, str) else ignore
    if not isinstance(asked, Sequence):
        raise InvalidRequest(f"what to ignore is a path or a list of paths, not {type(ignore).__name__}")
    rests = [_parts(pointer) for one in asked for pointer in _pointers(one)]
    return Ignored(_with_empty_globstars(rests)) if rests else None


def _pointers(asked: Any) -> Sequence[Any]:
    return NAMED.get(asked, (asked,)) if isinstance(asked, str) else (asked,)


def _parts(pointer: Any) -> _Rest:
    if not isinstance(pointer, str):
        raise InvalidRequest(f"a path to ignore is text, such as {_EXAMPLE!r}, not {type(pointer).__name__}")
    if not pointer.startswith("/"):
        raise InvalidRequest(
            f"path to ignore {quoted(pointer)} is no JSON Pointer, which begins with a slash, as {_EXAMPLE}; "
            f"nor is it a set that has a name: {', '.join(NAMED)}"
        )
    if re.search("~(?![01])", pointer):
        raise InvalidRequest(f"path to ignore {quoted(pointer)}: in a JSON Pointer ~ is written ~0, and / in a key ~1")
    return pointer_parts(pointer)


_EXAMPLE = "/context/*/*/timestamp"
