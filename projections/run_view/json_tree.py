"""A JSON value as a tree to show: folded, cut where it is large, each part with its place."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ...domain.masking.masker import MASK
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
    length: int | None = None
    """Characters of a text that is cut."""

    @property
    def pointer(self) -> str:
        """Its place, as a JSON Pointer."""
        return json_pointer(self.path)

    @property
    def left_out(self) -> int:
        """Members that aren't shown."""
        return self.count - len(self.members)


def json_tree(value: Any, path: Path = (), key: str | int | None = None) -> Member:
    """The tree of a JSON value. ``path`` is where it stands in what it is part of."""
    if isinstance(value, Mapping):
        items = list(value.items())
        return _branch("object", path, key, items)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _branch("array", path, key, list(enumerate(value)))
    if value == MASK:
        return Member(key, path, "masked", MASK)
    if isinstance(value, str):
        cut = len(value) > TEXT
        return Member(key, path, "string", _text(value[:TEXT]), length=len(value) if cut else None)
    return Member(key, path, "word" if value is None or isinstance(value, bool) else "number", _text(value))


def _branch(kind: Kind, path: Path, key: str | int | None, items: Sequence[tuple[str | int, Any]]) -> Member:
    shown = items[:MEMBERS] if len(path) < DEPTH else ()
    members = tuple(json_tree(item, (*path, name), name) for name, item in shown)
    return Member(key, path, kind, "", members, len(items))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
