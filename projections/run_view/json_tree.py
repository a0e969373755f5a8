"""A JSON value as a tree to show: folded, cut where it is large, each part with its place."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ...domain.masking.masker import MASK
from ...domain.run.context import Results
from ...domain.run.results import NodeResult
from ...domain.values.json_pointer import Path, json_pointer

MEMBERS: Final = 200
"""Members of one object or list that are shown."""
TEXT: Final = 400
"""Characters of one text that are shown."""
DEPTH: Final = 24
"""Levels that are shown."""

Kind = Literal["object", "array", "string", "number", "word", "masked"]


@dataclass(frozen=True, slots=True)
class Member:
    """A value in the tree."""

    key: str | int | None
    """In its object, or its index in a list; None at the top."""
    path: Path
    kind: Kind
    text: str
    """Of a scalar, as JSON; cut where ``length`` is given."""
    members: "tuple[Member, ...]" = ()
    count: int = 0
    """How many members there are, also those that aren't shown."""
    earlier: int = 0
    """Of those that aren't shown, how many stand before the first that is."""
    length: int | None = None
    """Characters of a text that is cut."""

    @property
    def pointer(self) -> str:
        """Its place, as a JSON Pointer."""
        return json_pointer(self.path)

    @property
    def left_out(self) -> int:
        """Members that aren't shown, those before the first one apart."""
        return self.count - len(self.members) - self.earlier


def json_tree(value: Any, path: Path = (), key: str | int | None = None, newest: int | None = None) -> Member:
    """The tree of a JSON value. ``path`` is where it stands in what it is part of.

    Of a state that is given with its Context itself, ``newest`` says how many results of each node are shown: the last
    ones. The others aren't read.
    """
    if isinstance(value, NodeResult):
        value = value.to_data()
    if isinstance(value, Mapping):
        return _branch("object", path, key, list(value.items()), newest)
    if isinstance(value, Results) and newest is not None:
        first = max(0, len(value) - newest)
        return _branch("array", path, key, list(enumerate(value[first:], first)), newest, first)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _branch("array", path, key, list(enumerate(value)), newest)
    if value == MASK:
        return Member(key, path, "masked", MASK)
    if isinstance(value, str):
        cut = len(value) > TEXT
        return Member(key, path, "string", _text(value[:TEXT]), length=len(value) if cut else None)
    return Member(key, path, "word" if value is None or isinstance(value, bool) else "number", _text(value))


def _branch(
    kind: Kind,
    path: Path,
    key: str | int | None,
    items: Sequence[tuple[str | int, Any]],
    newest: int | None,
    earlier: int = 0,
) -> Member:
    shown = items[:MEMBERS] if len(path) < DEPTH else ()
    members = tuple(json_tree(item, (*path, name), name, newest) for name, item in shown)
    return Member(key, path, kind, "", members, earlier + len(items), earlier)


_text: Final = json.JSONEncoder(ensure_ascii=False).encode
