"""The results of a run's steps, in order: one log, shared by all states of the run."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from ..errors import EventNotReadable
from ..locks import lock_of
from ..ports import EncodedRow, RowDecoder
from ..values.clock import moment_of_millis
from ..values.json import Immutable, freeze


class NodeResult(Immutable):
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
    def extra(self) -> Mapping[str, Any]:
        """Other keys of a result that came in a snapshot from elsewhere: read-only JSON, kept and written back."""
        extra = self._entry.get("extra")
        return NO_KEYS if extra is None else freeze(extra, "extra")

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
        return raw_data(self) | {"output": self.output}

    def __eq__(self, other: object) -> bool:
        return raw_data(self) == raw_data(other) if isinstance(other, NodeResult) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal by value, and the value holds dicts

    def __reduce__(self) -> tuple[Any, ...]:
        return NodeResult, (self._entry,)

    def __repr__(self) -> str:
        outcome = f"error={self.error!r}" if self.error is not None else f"output={self._entry.get('output')!r}"
        return f"NodeResult({outcome}, attempt={self.attempt}, timestamp={self.timestamp.isoformat()})"


def raw_data(result: NodeResult) -> dict[str, Any]:
    """The JSON object with the output as recorded, not frozen: only to be read."""
    data: dict[str, Any] = {
        "output": result._entry.get("output"),  # pyright: ignore[reportPrivateUsage] - no caller is to have it by name
        "timestamp": result.timestamp_ms,
        "attempt": result.attempt,
    }
    if result.error is not None:
        data["error"] = result.error
        if "next_node_id" in result._entry:  # pyright: ignore[reportPrivateUsage]
            data["nextNodeId"] = result._entry["next_node_id"]  # pyright: ignore[reportPrivateUsage]
    return {**data, **result.extra} if result.extra else data


NO_KEYS: Mapping[str, Any] = freeze({})


def was_taken(result: NodeResult) -> bool:
    """Whether nothing was executed for it, as far as its run is at hand: it is what another run's step came to."""
    return "recorded" in result._entry  # pyright: ignore[reportPrivateUsage]


_UNREAD = object()


def is_caught(entry: Mapping[str, Any]) -> bool:
    """Whether a failure was one for good from which an edge on failure led on."""
    return "error" in entry and "next_node_id" in entry


def error_text(error: Mapping[str, Any]) -> str:
    """``TypeName: message``; the message alone where the type is unknown (a snapshot from outside)."""
    return f"{error['type']}: {error['message']}" if error.get("type") else str(error["message"])


Entry = Mapping[str, Any]
"""One result: the body of the event that recorded it, without what only the event log needs."""


def entry_of(data: Mapping[str, Any]) -> Entry:
    """The entry of a step's event. Inputs, logs and tracebacks are left out: a snapshot would keep them in memory."""
    if "input" in data or "logs" in data or "error" in data:
        kept = dict(data)
        kept.pop("input", None)
        kept.pop("logs", None)
        if "error" in kept:
            kept["error"] = {"type": data["error"]["type"], "message": data["error"]["message"]}
        return kept
    return data


class Pruned(NamedTuple):
    """What a snapshot from elsewhere says beside the results in its context, which applications cut down."""

    empty: Mapping[str, None]
    """Nodes with an empty list of results."""
    node_id: str | None
    """The node that waits for a retry, where its results don't say how often it has failed."""
    attempts: int
    """How often it has."""
    kept: int
    """The results that are there: a later one of the node says it again."""


class ResultLog:
    """The results of one run in order. Shared by every Context of the run.

    Entries from storage are decoded when they are read, and the index by node is built on demand: a fold over 100,000
    events whose results are never read decodes none of them.
    """

    __slots__ = (
        "_caught",
        "_decoders",
        "_entered",
        "_failures",
        "_indexed",
        "_log",
        "_places",
        "order_counts",
        "pruned",
    )

    def __init__(
        self, entries: Iterable[Entry] = (), pruned: Pruned | None = None, *, order_counts: bool = False
    ) -> None:
        self._log: list[Entry | EncodedRow] = list(entries)
        self.pruned = pruned
        self.order_counts = order_counts
        """Whether the JSON of a snapshot has to tell the order of all results."""
        # (first place, decoder) of the encoded entries, in order. A chain of forks has one for each run.
        self._decoders: list[tuple[int, RowDecoder]] = []
        self._indexed = 0
        # Node id → places of its results. One list a node, no more objects: each would slow every garbage collection.
        self._places: dict[str, list[int]] = {}
        self._failures: dict[str, list[int]] = {}
        """Of nodes that have failed: the places of the failures."""
        self._caught: dict[str, list[int]] = {}
        """Of nodes that an edge on failure has left: the places of these failures."""
        self._entered: dict[Set[str], tuple[int, int]] = {}
        """Nodes → how many results were looked at, and the place behind the last one of any other node."""

    def __len__(self) -> int:
        return len(self._log)

    def __getitem__(self, place: int) -> Entry:
        """One entry, decoded if need be. Raises EventNotReadable for one that is damaged in storage."""
        entry = self._log[place]
        if type(entry) is tuple:
            decoders = self._decoders
            decoder = (
                decoders[0] if len(decoders) == 1 else decoders[bisect_right(decoders, place, key=_first_place) - 1]
            )
            entry = self._log[place] = _decode_entry(decoder[1], entry)
        return entry  # type: ignore[return-value]

    def extend(self, count: int, entry: Entry) -> "ResultLog":
        """The log with an entry after its first ``count``: this one if it ends there, else a copy (copy-on-write)."""
        with lock_of(self):
            if count == len(self._log):
                self._log.append(entry)
                return self
        branch = self.branch(count)
        branch._log.append(entry)
        return branch

    def extend_encoded(self, count: int, rows: Sequence[EncodedRow], decoder: RowDecoder) -> "ResultLog":
        """The same with entries that are still encoded."""
        with lock_of(self):
            if count == len(self._log):
                if not self._decoders or self._decoders[-1][1] != decoder:
                    self._decoders.append((count, decoder))
                self._log.extend(rows)
                return self
        return self.branch(count).extend_encoded(count, rows, decoder)

    def branch(self, count: int) -> "ResultLog":
        """A log of its own that begins with the first ``count`` entries."""
        branch = ResultLog(self._log[:count], self.pruned, order_counts=self.order_counts)  # type: ignore[arg-type] # some are encoded
        branch._decoders = [item for item in self._decoders if item[0] < count]
        return branch

    def places(self, node_id: str, count: int) -> Sequence[int]:
        """Places of the node's results, ascending: all among the first ``count`` entries, and maybe later ones."""
        if self._indexed < count:
            self._index(count)
        return self._places.get(node_id, ())

    def failures(self, node_id: str) -> Sequence[int]:
        """Places of the node's failures, ascending, as far as ``places`` was asked."""
        return self._failures.get(node_id, ())

    def caught(self, node_id: str) -> Sequence[int]:
        """Places of those of them from which an edge on failure led on."""
        return self._caught.get(node_id, ())

    def entered(self, nodes: Set[str], count: int) -> int:
        """Among the first ``count`` results: the place behind the last one of any other node than these.

        It looks at what is new since it was asked last, so following a run costs the same at every step.
        """
        seen, place = self._entered.get(nodes, (count + 1, 0))
        if seen > count:  # asked for the first time, or by a view that is older
            others = (self.places(node_id, count) for node_id in self.node_ids(count) if node_id not in nodes)
            place = max((places[at - 1] + 1 for places in others if (at := bisect_left(places, count))), default=0)
        for at in range(seen, count):
            if self[at]["node_id"] not in nodes:
                place = at + 1
        if self._entered.get(nodes, (0, 0))[0] < count:
            self._entered[nodes] = (count, place)
        return place

    def node_ids(self, count: int) -> list[str]:
        """The nodes that have results among the first ``count`` entries, in the order in which they first had one."""
        if self._indexed < count:
            self._index(count)
        return list(self._places)

    def _index(self, count: int) -> None:
        with lock_of(self):
            places = self._places
            while self._indexed < count:
                entry = self[self._indexed]
                node_id = entry["node_id"]
                if node_id in places:
                    places[node_id].append(self._indexed)
                else:
                    places[node_id] = [self._indexed]
                if "error" in entry:
                    self._failures.setdefault(node_id, []).append(self._indexed)
                    if is_caught(entry):
                        self._caught.setdefault(node_id, []).append(self._indexed)
                self._indexed += 1


_first_place = itemgetter(0)


def _decode_entry(decoder: RowDecoder, row: EncodedRow) -> Entry:
    stream, decode_body = decoder
    entry = entry_of(decode_body(stream, row[0], row[1], row[2]))
    node_id, recorded_at, started_at = entry.get("node_id"), entry["recorded_at"], entry.get("started_at")
    if type(node_id) is str and type(recorded_at) is int and type(started_at) is int:
        return entry
    raise EventNotReadable(stream, row[0], f"its body is not that of a {row[1]!r} of a run")
