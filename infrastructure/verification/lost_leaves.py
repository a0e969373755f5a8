"""Name what differs between the leaves that were signed and the events that are there, side by side in their order."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from ...domain.evidence.leaf import Leaf
from ...domain.evidence.report import ConsistencyFinding, LossKind
from ...domain.evidence.tiles import TILE, TiledTree
from ..storage.tree_table import LeafName, TreeTable


def name_losses(
    leaves: Iterable[Leaf], tree: TiledTree, table: TreeTable, head_of: Callable[[str], int]
) -> list[ConsistencyFinding]:
    """``tree`` is the one that was signed, whose leaves' names are kept in the table.

    Leaves that are the same cancel out as soon as both sides have shown them, so memory grows with the differences.
    """
    comparison = _Comparison()
    signed = _signed_leaves(tree, table)
    for event in leaves:
        comparison.see_event(LeafName(event.stream, event.version), event.hash)
        if (leaf := next(signed, None)) is not None:
            comparison.see_leaf(*leaf)
    for leaf in signed:
        comparison.see_leaf(*leaf)
    return list(comparison.findings(head_of))


def _signed_leaves(tree: TiledTree, table: TreeTable) -> Iterator[tuple[LeafName, bytes]]:
    for tile in range((tree.size + TILE - 1) // TILE):
        names = table.leaf_names([tile]).get(tile, [])
        for at in range(min(TILE, tree.size - tile * TILE)):
            index = tile * TILE + at
            yield names[at] if at < len(names) else LeafName("", index), tree.leaf(index)


class _Comparison:
    """What only one of the sides has shown so far."""

    def __init__(self) -> None:
        self._events: dict[LeafName, tuple[int, bytes]] = {}
        self._leaves: dict[LeafName, tuple[int, bytes]] = {}
        self._rewritten: list[LeafName] = []
        self._moved = 0
        self._first_moved = LeafName("", 0)
        self._seen_events = self._seen_leaves = 0
        self._last_kept = -1
        """The place among the events of the last one that was signed."""

    def see_event(self, name: LeafName, hash: bytes) -> None:
        place, self._seen_events = self._seen_events, self._seen_events + 1
        leaf = self._leaves.pop(name, None)
        if leaf is None:
            self._events[name] = place, hash
        else:
            self._match(name, (place, hash), leaf)

    def see_leaf(self, name: LeafName, hash: bytes) -> None:
        place, self._seen_leaves = self._seen_leaves, self._seen_leaves + 1
        event = self._events.pop(name, None)
        if event is None:
            self._leaves[name] = place, hash
        else:
            self._match(name, event, (place, hash))

    def _match(self, name: LeafName, event: tuple[int, bytes], leaf: tuple[int, bytes]) -> None:
        self._last_kept = max(self._last_kept, event[0])
        if event[1] != leaf[1]:
            self._rewritten.append(name)
        elif event[0] != leaf[0]:
            self._first_moved = self._first_moved if self._moved else name
            self._moved += 1

    def findings(self, head_of: Callable[[str], int]) -> Iterator[ConsistencyFinding]:
        """What differs, once both sides have shown all; ``head_of`` says with which version a stream ends now."""
        yield from self._gone(head_of)
        for stream, names in _by_stream(self._rewritten):
            first = min(name.version for name in names)
            yield _finding(
                stream, first, "rewritten", f"{_count(len(names))} other than the signed ones, from version {first} on"
            )
        inserted = [name for name, (place, _) in self._events.items() if place < self._last_kept]
        for stream, names in _by_stream(inserted):
            first = min(name.version for name in names)
            yield _finding(
                stream, first, "inserted", f"{_count(len(names))} among those that were signed, and weren't signed"
            )
        if self._moved and not (self._leaves or inserted):
            message = f"{_count(self._moved)} in another place of the order than when it was signed"
            yield _finding(*self._first_moved, "reordered", message)

    def _gone(self, head_of: Callable[[str], int]) -> Iterator[ConsistencyFinding]:
        for stream, names in _by_stream(self._leaves):
            first, last = min(name.version for name in names), max(name.version for name in names)
            head = head_of(stream) if stream else 0
            if head == 0:
                yield _finding(stream, first, "removed", f"the stream is gone, {_count(last)} that were signed")
            elif first > head:
                yield _finding(stream, first, "cut", f"it ends with version {head}; it had {last} when it was signed")
            else:
                yield _finding(stream, first, "missing", f"{_count(len(names))} that were signed and are gone")


def _by_stream(names: Iterable[LeafName]) -> Iterator[tuple[str, list[LeafName]]]:
    for stream, group in groupby(sorted(names), lambda name: name.stream):
        yield stream, list(group)


def _finding(stream: str, version: int, kind: LossKind, message: str) -> ConsistencyFinding:
    return ConsistencyFinding(stream, version, kind, message)


def _count(number: int) -> str:
    return "one event" if number == 1 else f"{number:,} events"
