"""The ports of the domain: the event store, and the checkpoints kept beside it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple, Protocol


class NewEvent(NamedTuple):
    """An event that was decided but is not stored yet: its stable type name and its body (plain JSON)."""

    type: str
    data: Mapping[str, Any]


class ExpectedVersion(Enum):
    """What a writer that knows no exact version may require of a stream."""

    ANY = "any version"
    NO_STREAM = "no stream"
    STREAM_EXISTS = "an existing stream"


class Write(NamedTuple):
    """Events for one stream. ``expected`` is the version (count of events) that the stream must have before them."""

    stream: str
    expected: int | ExpectedVersion
    events: Sequence[NewEvent]


class Guard(NamedTuple):
    """A condition of an append: another stream, to which nothing is appended, still ends with a certain event."""

    stream: str
    version: int
    """Of that event."""
    digest: str
    """Of that event, in hex."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One event as it is stored."""

    stream: str
    """Run id, work order id, or ``workflow:<id>``."""
    version: int
    """1 for the first event of the stream, without gaps."""
    position: int
    """Place in the whole store; grows with every commit, may have gaps, is never filled in later."""
    type: str
    """Stable name, such as ``run.step_completed``."""
    recorded_at: datetime
    """UTC, never earlier than the stream's previous event."""
    by: str
    """The actor."""
    data: dict[str, Any]
    """The body, upcast to today's schema."""
    digest: str
    """SHA-256 (hex) over the previous event's digest, the event's id, type and body: the link of the chain."""


class Beginning(NamedTuple):
    """The beginning of one stored event: its type and the first keys of its body."""

    version: int
    type: str
    data: dict[str, Any]
    """All keys, where the event is small."""


EncodedRow = tuple[int, str, bytes, int]
"""A stored event, not decoded yet: version, type, encoded body (with what the store keeps beside it), position."""


class RowDecoder(NamedTuple):
    """Decodes the rows of one stream."""

    stream: str
    decode_body: Callable[[str, int, str, bytes], dict[str, Any]]
    """From stream, version, type and encoded body to the body, upcast. Raises EventNotReadable."""

    def decode(self, row: EncodedRow) -> dict[str, Any]:
        """The body of a row. Raises EventNotReadable."""
        return self.decode_body(self.stream, row[0], row[1], row[2])


class RowBatch(NamedTuple):
    """Consecutive events of one stream, their bodies not decoded yet: most folds need only the last one."""

    rows: Sequence[EncodedRow]
    decoder: RowDecoder


class EventStore(Protocol):
    """Streams of events with optimistic concurrency. Every backend passes the same conformance suite."""

    def append(self, *writes: Write) -> list[int]:
        """Append all events of all writes in one durable commit, or none of them. Returns their positions.

        Raises ConcurrencyError when a stream isn't at its expected version, EventsLost when the store has lost the
        event that the first one follows, StorageUnavailable when the store can't take it, InvalidValue when an event is
        over the size limit.
        """
        ...

    async def aappend(self, *writes: Write) -> list[int]:
        """The same for async code: the event loop is not blocked meanwhile."""
        ...

    def hold(self, stream: str) -> object:
        """Remember where a stream stands, for as long as the returned object is alive.

        For a writer that appends again after a long time: what is remembered tells it when the store has lost events.
        """
        ...

    def head(self, stream: str) -> int:
        """The version of the stream's last event; 0 when there is none."""
        ...

    def read(
        self, stream: str, *, after: int = 0, upto: int | None = None, backwards: bool = False
    ) -> Iterator[RecordedEvent]:
        """The events with ``after < version <= upto``, in order, fetched in batches."""
        ...

    def pages(self, stream: str, *, after: int = 0, upto: int | None = None) -> Iterator[RowBatch]:
        """The same for folding: rows, not decoded yet. Raises EventNotReadable for a row that can't be an event."""
        ...

    def events_at(self, places: Sequence[tuple[str, int]]) -> Sequence[RecordedEvent]:
        """The events at these places (stream, version), in the same order; one round trip where all are small.

        Raises StorageCorrupt where one is missing, EventNotReadable.
        """
        ...

    def beginning(self, stream: str, upto: int | None = None) -> Beginning | None:
        """The beginning of the stream's last event with ``version <= upto``; reads one row, however large it is.

        None when there is none. Raises EventNotReadable.
        """
        ...

    def removal_of(self, stream: str) -> RecordedEvent | None:
        """The event that records that a stream was removed; None where it wasn't."""
        ...

    def tail(self, *, after: int = 0) -> Iterator[RecordedEvent]:
        """Every event of the store with ``position > after`` that can no longer be overtaken, in order of position.

        Ends when it has caught up. No event is ever skipped, however many processes write meanwhile.
        """
        ...

    def close(self) -> None:
        """Release connections. The store can't be used afterwards."""
        ...


class GuardingStore(EventStore, Protocol):
    """An event store that also appends on conditions. Those that can't are asked for plain appends only."""

    @property
    def can_guard(self) -> bool:
        """Whether it has ``append_while``."""
        ...

    def append_while(self, guard: Guard, *writes: Write) -> list[int]:
        """Append as ``append`` does, if the guard's stream ends with its event at some moment during this call.

        Whoever remembers what it has read decides by that, and is refused where it is outdated, without a read. What
        was acknowledged before the call is always seen. Raises ConcurrencyError or EventsLost with the guard's stream
        where it doesn't end so.
        """
        ...


class CheckpointStore(Protocol):
    """Checkpoints: folded states kept beside the events. A cache only: without them every answer is the same.

    A checkpoint is known by the version of the stream that it leads up to. ``fold_revision`` names the code that folded
    it; a checkpoint of another revision is never returned.
    """

    def save(self, stream: str, fold_revision: int, pages: Mapping[int, bytes]) -> None:
        """Keep checkpoints, given by version, in one commit; each replaces one of the same version.

        One that is there already need not be written again.
        """
        ...

    def pages(self, stream: str, upto: int | None, fold_revision: int) -> Iterator[tuple[int, bytes]]:
        """Version and content of this revision's checkpoints with ``version <= upto``, in order, a few at a time."""
        ...

    def clear(self) -> None:
        """Forget all checkpoints."""
        ...
