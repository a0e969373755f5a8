"""The difference between two JSON values, as the operations of a JSON Patch (RFC 6902).

Applied in order to the one value they give the other, whatever its keys; the order of keys in an object is ignored.
Objects are compared by key. Arrays are aligned: by the ids of their items where all have one, else by their values.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...domain.values.json_compare import canonical_json, same_json, same_scalar
from ...domain.values.json_pointer import Path, json_pointer
from .alignment import Block, align
from .ignore import Ignored, below, without_ignored


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a patch, with the value that it replaces."""

    op: Literal["add", "remove", "replace", "move"]
    path: Path
    """Indices hold when the operation is applied: to the left of them the array is already the new one."""
    before: Any = None
    after: Any = None
    source: Path = ()
    """Where a move takes the value from."""

    def to_data(self) -> dict[str, Any]:
        """As JSON, by RFC 6902."""
        data: dict[str, Any] = {"op": self.op}
        if self.op == "move":
            data["from"] = json_pointer(self.source)
        data["path"] = json_pointer(self.path)
        if self.op in ("add", "replace"):
            data["value"] = self.after
        return data


def patch_of(operations: Iterable[Operation]) -> list[dict[str, Any]]:
    """The JSON Patch that consists of these operations."""
    return [operation.to_data() for operation in operations]


def operations(before: Any, after: Any, ignored: Ignored | None = None, path: Path = ()) -> list[Operation]:
    """The operations that turn one JSON value, at a path, into another; none where they are the same.

    What is ignored stays as it was, unless it is part of a larger value that is added or replaced. An item
    that is added to an array or removed is reported even where it is ignored, as later items change places.
    """
    found: list[Operation] = []
    _compare(before, after, path, ignored, found)
    return found


def _compare(before: Any, after: Any, path: Path, ignored: Ignored | None, found: list[Operation]) -> None:
    if before is after or (ignored is not None and ignored.whole):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        _objects(before, after, path, ignored, found)
    elif isinstance(before, list) and isinstance(after, list):
        _arrays(before, after, path, ignored, found)
    elif not same_scalar(before, after):
        found.append(Operation("replace", path, before, after))


# --- objects ----------------------------------------------------------------------------------------------------------


def _objects(
    before: Mapping[str, Any], after: Mapping[str, Any], path: Path, ignored: Ignored | None, found: list[Operation]
) -> None:
    if before.keys() == after.keys():
        for key, value in before.items():
            _compare(value, after[key], (*path, key), below(ignored, key), found)
        return
    gone = [key for key in before if key not in after and not _left_out(ignored, key)]
    new = [key for key in after if key not in before and not _left_out(ignored, key)]
    renamed = _find_renames(before, after, gone, new) if ignored is None else {}
    if ignored is None and gone and new and not renamed and len(gone) == len(before) and len(new) == len(after):
        found.append(Operation("replace", path, before, after))  # they have no key in common
        return
    moved = {*renamed.values()}
    for key, value in before.items():
        if key in after:
            _compare(value, after[key], (*path, key), below(ignored, key), found)
    found += [Operation("remove", (*path, key), before[key]) for key in gone if key not in moved]
    for key in new:
        if key in renamed:
            source = renamed[key]
            found.append(Operation("move", (*path, key), before[source], after[key], (*path, source)))
        else:
            found.append(Operation("add", (*path, key), after=after[key]))


def _left_out(ignored: Ignored | None, part: str) -> bool:
    there = below(ignored, part)
    return there is not None and there.whole


def _find_renames(
    before: Mapping[str, Any], after: Mapping[str, Any], gone: Sequence[str], new: Sequence[str]
) -> dict[str, str]:
    """New key → old key of the same value, where a move is shorter than the value itself."""
    if not gone or not new:
        return {}
    earlier = {canonical_json(before[key]): key for key in gone}
    renamed: dict[str, str] = {}
    for key in new:
        text = canonical_json(after[key])
        if text in earlier and len(json.dumps(after[key], ensure_ascii=False)) > _WORTH_A_MOVE:
            renamed[key] = earlier.pop(text)
    return renamed


_WORTH_A_MOVE = 100
"""Characters of a value as JSON text, with its blanks."""


# --- arrays -----------------------------------------------------------------------------------------------------------


def _arrays(before: list[Any], after: list[Any], path: Path, ignored: Ignored | None, found: list[Operation]) -> None:
    first = last = 0
    align_items = len(path) <= _ALIGNED_DEPTH
    if ignored is None and align_items:
        first = common_prefix(before, after)
        last = common_prefix(before[first:][::-1], after[first:][::-1])
    old, new = before[first : len(before) - last], after[first : len(after) - last]
    if ignored is None and align_items and (moved := _find_move(old, new)) is not None:
        source, target = moved
        found.append(Operation("move", (*path, first + target), old[source], new[target], (*path, first + source)))
        return
    inside: list[Operation] = []
    added = replaced = 0
    blocks = _align_items(old, new, first, ignored) if align_items else [Block(False, 0, len(old), 0, len(new))]
    for _, i1, i2, j1, j2 in blocks:
        # From left to right: all before this place is already as in the new array, so indices are those of the new one.
        both = min(i2 - i1, j2 - j1)
        for i, j in zip(range(i1, i1 + both), range(j1, j1 + both), strict=True):
            item, told = (*path, first + j), len(inside)
            _compare(old[i], new[j], item, below(ignored, first + j), inside)
            replaced += len(inside) > told and inside[told].path == item
        end = first + j1 + both
        inside += [Operation("remove", (*path, end), old[i]) for i in range(i1 + both, i2)]
        inside += [Operation("add", (*path, first + j), after=new[j]) for j in range(j1 + both, j2)]
        added += j2 - j1 - both
    kept = len(after) - added - replaced
    if ignored is None and inside and (kept == 0 or replaced > kept):
        found.append(Operation("replace", path, before, after))
    else:
        found += inside


_ALIGNED_DEPTH = 24
"""Levels down to which items are aligned, which takes a look at all that is in them. Further down: item by item."""


def common_prefix(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many equal items both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if not same_json(a, b)), min(len(one), len(other)))


def _find_move(old: Sequence[Any], new: Sequence[Any]) -> tuple[int, int] | None:
    """From where to where one item moved, if nothing else changed: the items in between shift by one."""
    last = len(old) - 1
    if last < 1 or len(new) != len(old):
        return None
    if same_json(old[0], new[last]) and common_prefix(old[1:], new) == last:
        return 0, last
    if same_json(old[last], new[0]) and common_prefix(old, new[1:]) == last:
        return last, 0
    return None


def _align_items(old: Sequence[Any], new: Sequence[Any], first: int, ignored: Ignored | None) -> list[Block]:
    if not old or not new:
        return [Block(False, 0, len(old), 0, len(new))]
    return align(_keys(old, first, ignored), _keys(new, first, ignored))


def _keys(items: Sequence[Any], first: int, ignored: Ignored | None) -> list[str]:
    """What identifies the items."""
    shown = [without_ignored(item, below(ignored, first + place)) for place, item in enumerate(items)]
    ids = [item.get("id") if isinstance(item, Mapping) else None for item in shown]
    if all(isinstance(id, str | int) for id in ids) and len({*map(canonical_json, ids)}) == len(ids):
        return [f"id {canonical_json(id)}" for id in ids]
    return [canonical_json(item) for item in shown]
