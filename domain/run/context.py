"""The results of a run by node, shared between all its snapshots.

A ResultLog only grows at its end. A Context is a view of its first ``count`` entries, so a snapshot costs the same
whether it is the 10th or the 100,000th, and an old one never changes. Continuing from a view that is no longer the end
copies the log (copy-on-write).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

from ..values.json import Immutable
from .results import Entry, NodeResult, Pruned, ResultLog, is_caught, raw_data


class Results(Immutable, Sequence[NodeResult]):
    """The results of one node, oldest first."""

    __slots__ = ("_at", "_count", "_history")

    def __init__(self, history: ResultLog, places: Sequence[int], count: int) -> None:
        self._history = history
        self._at = places
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> NodeResult: ...
    @overload
    def __getitem__(self, index: slice) -> list[NodeResult]: ...
    def __getitem__(self, index: int | slice) -> NodeResult | list[NodeResult]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        place = index + self._count if index < 0 else index
        if not 0 <= place < self._count:
            raise IndexError(f"result {index} of {self._count}")
        return NodeResult(self._history[self._at[place]])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return _results_of, ([self._history[self._at[place]] for place in range(self._count)],)

    def __repr__(self) -> str:
        return repr(list(self))


def _results_of(entries: Sequence[Entry]) -> Results:
    return Results(ResultLog(entries), range(len(entries)), len(entries))


@dataclass(frozen=True, slots=True)
class PlacedResult:
    """A result, and where it stands in a context."""

    node_id: str
    index: int
    """Its place among the results of the node, from 0."""
    result: NodeResult


class Tally(NamedTuple):
    """How often a node has been executed."""

    successes: int
    visits: int
    """How often the run has left the node: by a success, or by an edge on failure."""


class Context(Immutable, Mapping[str, Results]):
    """Node id → its results, in the order in which the nodes first ran. An immutable view, equal by value."""

    __slots__ = ("count", "history")

    def __init__(self, history: ResultLog, count: int) -> None:
        self.history = history
        self.count = count

    def _visible(self, node_id: str) -> int:
        """How many results of the node this view sees."""
        places = self.history.places(node_id, self.count)
        if not places:
            return 0
        # The length is read once: another thread may be appending. What it appends lies beyond every older view.
        length = len(places)
        return length if places[length - 1] < self.count else bisect_left(places, self.count, 0, length)

    def __getitem__(self, node_id: str) -> Results:
        visible = self._visible(node_id)
        if not visible and not self._has_empty(node_id):
            raise KeyError(node_id)
        return Results(self.history, self.history.places(node_id, self.count), visible)

    def __iter__(self) -> Iterator[str]:
        for node_id in self.history.node_ids(self.count):
            if self._visible(node_id):
                yield node_id
        if (pruned := self.history.pruned) is not None:
            yield from (node_id for node_id in pruned.empty if not self._visible(node_id))

    def _has_empty(self, node_id: object) -> bool:
        pruned = self.history.pruned
        return pruned is not None and node_id in pruned.empty

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, node_id: object) -> bool:
        return isinstance(node_id, str) and (self._visible(node_id) > 0 or self._has_empty(node_id))

    def tally(self, node_id: str) -> "Tally":
        """How often a node has been executed."""
        return self._tally(node_id, 0)

    def tally_within(self, node_id: str, loop: Set[str]) -> "Tally":
        """The same since the loop, of which the node is a part, was entered from outside, or the run began."""
        return self._tally(node_id, self.history.entered(loop, self.count))

    def _tally(self, node_id: str, place: int) -> "Tally":
        history, count = self.history, self.count
        places = history.places(node_id, count)

        def number(among: Sequence[int]) -> int:
            # Most often all that were recorded are asked for.
            end = len(among) if not among or among[-1] < count else bisect_left(among, count)
            return end - (bisect_left(among, place, 0, end) if place else 0)

        results, failures = number(places), number(history.failures(node_id))
        successes = results - failures
        return Tally(successes, successes + (number(history.caught(node_id)) if failures else 0))

    def next_attempt(self, node_id: str) -> int:
        """One more than the last attempt after a failure that is to be retried; else 1."""
        visible = self._visible(node_id)
        last = self.history.places(node_id, self.count)[visible - 1] if visible else -1
        pruned = self.history.pruned
        if pruned is not None and node_id == pruned.node_id and last < pruned.kept:
            return pruned.attempts + 1
        if not visible:
            return 1
        entry = self.history[last]
        return entry.get("attempt", 1) + 1 if "error" in entry and not is_caught(entry) else 1

    def without_attempts(self, node_id: str) -> "Context":
        """The same results, and the next attempt of the node is its first."""
        if self.next_attempt(node_id) == 1:
            return self
        empty = {} if self.history.pruned is None else self.history.pruned.empty
        history = self.history.branch(self.count)
        history.pruned = Pruned(empty, node_id, 0, self.count)
        return Context(history, self.count)

    def failure_before(self, node_id: str) -> PlacedResult | None:
        """The failure for good by which the run has come to the node; None where it came by a success, or began."""
        place = self.count
        while place:
            place -= 1
            entry = self.history[place]
            if is_caught(entry):
                came_from: str = entry["node_id"]
                index = bisect_left(self.history.places(came_from, self.count), place)
                return PlacedResult(came_from, index, NodeResult(entry)) if entry["next_node_id"] == node_id else None
            if "error" not in entry or entry["node_id"] != node_id:  # else an attempt of the node itself
                return None
        return None

    @property
    def order(self) -> list[str] | None:
        """The node of each result, in order, where a snapshot's JSON has to tell; else None."""
        history = self.history
        return [history[at]["node_id"] for at in range(self.count)] if history.order_counts else None

    def with_order_told(self) -> "Context":
        """The same results; snapshots from here on tell their order."""
        history = self.history
        if history.order_counts:
            return self
        return context_of([history[at] for at in range(self.count)], history.pruned, order_counts=True)

    def placed(self, start: int = 0) -> Iterator[PlacedResult]:
        """The results after the first ``start`` of all nodes together, in the order in which they were recorded."""
        seen = Counter(self.history[at]["node_id"] for at in range(start))
        for at in range(start, self.count):
            entry = self.history[at]
            node_id = entry["node_id"]
            yield PlacedResult(node_id, seen[node_id], NodeResult(entry))
            seen[node_id] += 1

    def to_data(self) -> dict[str, list[dict[str, Any]]]:
        """The JSON object of the context; the outputs in it are read-only."""
        return {node_id: [result.to_data() for result in results] for node_id, results in self.items()}

    def raw_data(self) -> dict[str, list[dict[str, Any]]]:
        """The same with the outputs as recorded, not frozen: only to be read."""
        return {node_id: [raw_data(result) for result in results] for node_id, results in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        # The results of this view, decoded: not those recorded later, nor the decoder, which may hold a store.
        history = self.history
        return context_of, ([history[at] for at in range(self.count)], history.pruned, history.order_counts)

    def __repr__(self) -> str:
        return f"Context({dict(self)!r})"


def context_of(entries: Sequence[Entry], pruned: Pruned | None = None, order_counts: bool = False) -> Context:
    """The context that has these results, and no log to share."""
    return Context(ResultLog(entries, pruned, order_counts=order_counts), len(entries))
