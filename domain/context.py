"""What the nodes of a run have produced so far, shared between all snapshots of the run.

A History only ever grows at its end. A Context is a view of its first ``count`` entries, so a snapshot costs the same
whether it is the 10th or the 100,000th, and an old one never changes. Whoever goes on from a view that is no longer
the end gets a copy of his own.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, overload

from .clock import moment_of_millis
from .jsonvalue import freeze


class NodeResult:
    """One execution of a node: ``output`` (JSON), or ``error`` (text), when it ended, and which attempt it was."""

    __slots__ = ("_entry", "_output", "attempt", "error")

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """From the body of the event that recorded it."""
        self._entry = entry
        self._output: Any = _UNREAD
        self.attempt: int = entry.get("attempt", 1)
        error = entry.get("error")
        self.error: str | None = None if error is None else error_text(error)

    @property
    def output(self) -> Any:
        """Read-only JSON; null after a failure."""
        if self._output is _UNREAD:
            self._output = freeze(self._entry.get("output"), "output")
        return self._output

    @property
    def timestamp_ms(self) -> int:
        """When the execution ended, in milliseconds since 1970."""
        at: int | None = self._entry.get("finished_at")
        return (self._entry["recorded_at"] if at is None else at) // 1000

    @property
    def timestamp(self) -> datetime:
        """When the execution ended (UTC, whole milliseconds)."""
        return moment_of_millis(self.timestamp_ms)

    def to_data(self) -> dict[str, Any]:
        """The JSON object of a result in a snapshot; the output in it is read-only."""
        return self.shown() | {"output": self.output}

    def shown(self) -> dict[str, Any]:
        """The same, with the output as it was recorded: for who only reads it."""
        data: dict[str, Any] = {
            "output": self._entry.get("output"),
            "timestamp": self.timestamp_ms,
            "attempt": self.attempt,
        }
        if self.error is not None:
            data["error"] = self.error
        return data

    def __eq__(self, other: object) -> bool:
        return self.shown() == other.shown() if isinstance(other, NodeResult) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal by value, and the value holds dicts

    def __repr__(self) -> str:
        outcome = f"error={self.error!r}" if self.error is not None else f"output={self._entry.get('output')!r}"
        return f"NodeResult({outcome}, attempt={self.attempt}, timestamp={self.timestamp.isoformat()})"


_UNREAD = object()


def error_text(error: Mapping[str, Any]) -> str:
    """``TypeName: message``; the message alone where the type is unknown (a snapshot from outside)."""
    return f"{error['type']}: {error['message']}" if error.get("type") else str(error["message"])


class History:
    """The results of one run in order. Shared by every Context of the run.

    An entry is the body of the event that recorded the result. The index by node is brought up to date when somebody
    looks: a fold over 100,000 events that ends in a snapshot which nobody opens never builds it.
    """

    __slots__ = ("_indexed", "_lock", "_places", "_successes", "log")

    def __init__(self) -> None:
        self.log: list[Mapping[str, Any]] = []
        self._lock = Lock()
        self._indexed = 0
        # Node id → where in the log its results are. One list a node, no more: what is alive slows every collection.
        self._places: dict[str, list[int]] = {}
        self._successes: dict[str, int] = {}

    def extended(self, count: int, entries: Sequence[Mapping[str, Any]]) -> "History":
        """The history with ``entries`` after its first ``count``: this one if it ends there, else a copy."""
        with self._lock:
            if count == len(self.log):
                self.log.extend(entries)
                return self
        branch = History()
        branch.log = [*self.log[:count], *entries]
        return branch

    def places(self, node_id: str) -> Sequence[int]:
        """Where in the log the node's results are, ascending. It may grow while it is read, at its end."""
        if self._indexed != len(self.log):
            self._index()
        return self._places.get(node_id, ())

    def successes(self, node_id: str) -> int:
        """How many of all the node's results are successes."""
        if self._indexed != len(self.log):
            self._index()
        return self._successes.get(node_id, 0)

    def node_ids(self) -> list[str]:
        """The nodes that have results, in the order in which they first had one."""
        if self._indexed != len(self.log):
            self._index()
        return list(self._places)

    def _index(self) -> None:
        with self._lock:
            log, places, successes = self.log, self._places, self._successes
            while self._indexed < len(log):
                entry = log[self._indexed]
                node_id = entry["node_id"]
                if node_id in places:
                    places[node_id].append(self._indexed)
                    successes[node_id] += "error" not in entry
                else:
                    places[node_id] = [self._indexed]
                    successes[node_id] = int("error" not in entry)
                self._indexed += 1


class Results(Sequence[NodeResult]):
    """The results of one node, oldest first."""

    __slots__ = ("_at", "_count", "_log")

    def __init__(self, history: History, places: Sequence[int], count: int) -> None:
        self._log = history.log
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
        return NodeResult(self._log[self._at[place]])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


class Context(Mapping[str, Results]):
    """Node id → its results, in the order in which the nodes first ran. An immutable view, equal by value."""

    __slots__ = ("count", "history")

    def __init__(self, history: History, count: int) -> None:
        self.history = history
        self.count = count

    def _visible(self, node_id: str) -> int:
        """How many results of the node this view sees."""
        places = self.history.places(node_id)
        if not places:
            return 0
        # The length is read once: another branch may be appending. What it appends lies behind every older view.
        length = len(places)
        return length if places[length - 1] < self.count else bisect_left(places, self.count, 0, length)

    def __getitem__(self, node_id: str) -> Results:
        visible = self._visible(node_id)
        if not visible:
            raise KeyError(node_id)
        return Results(self.history, self.history.places(node_id), visible)

    def __iter__(self) -> Iterator[str]:
        for node_id in self.history.node_ids():
            if self._visible(node_id):
                yield node_id

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, node_id: object) -> bool:
        return isinstance(node_id, str) and self._visible(node_id) > 0

    def successes(self, node_id: str) -> int:
        """How many successful results a node has."""
        successes = self.history.successes(node_id)
        if self.count == len(self.history.log):  # looked at after the count was read: nothing came in between
            return successes
        return sum(1 for entry in self._entries(node_id) if "error" not in entry)

    def next_attempt(self, node_id: str) -> int:
        """1 after a success or at the beginning; one more than the last attempt after a failure."""
        visible = self._visible(node_id)
        if not visible:
            return 1
        entry = self.history.log[self.history.places(node_id)[visible - 1]]
        return entry.get("attempt", 1) + 1 if "error" in entry else 1

    def _entries(self, node_id: str) -> Iterator[Mapping[str, Any]]:
        return (self.history.log[at] for at in self.history.places(node_id)[: self._visible(node_id)])

    def to_data(self) -> dict[str, list[dict[str, Any]]]:
        """The JSON object of the context; the outputs in it are read-only."""
        return {node_id: [result.to_data() for result in results] for node_id, results in self.items()}

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        """The same, with the outputs as they were recorded: for who only reads them."""
        return {node_id: [result.shown() for result in results] for node_id, results in self.items()}

    def __repr__(self) -> str:
        return f"Context({dict(self)!r})"


EMPTY_CONTEXT = Context(History(), 0)
