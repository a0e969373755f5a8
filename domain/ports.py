"""What the domain needs of the world: one store of events, on one page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple, Protocol


class NewEvent(NamedTuple):
    """An event that has been decided and is not stored yet: its stable type name and its body (plain JSON)."""

    type: str
    data: Mapping[str, Any]


class ExpectedVersion(Enum):
    """What a writer may demand of a stream when it has no exact version in hand."""

    ANY = "any version"
    NO_STREAM = "no stream"
    STREAM_EXISTS = "an existing stream"


class Write(NamedTuple):
    """Events for one stream. ``expected`` is the version (count of events) that the stream must have before them."""

    stream: str
    expected: int | ExpectedVersion
    events: Sequence[NewEvent]


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


SealedRow = tuple[int, str, bytes, int]
"""A stored event as it lies in storage: version, type, state (its body and what the store keeps with it), position."""


class Opener(NamedTuple):
    """Opens the sealed rows of one stream."""

    stream: str
    decode: Callable[[str, int, str, bytes], dict[str, Any]]
    """From stream, version, type and state to the body, upcast. Raises EventNotReadable."""

    def open(self, row: SealedRow) -> dict[str, Any]:
        """The body of a row. Raises EventNotReadable."""
        return self.decode(self.stream, row[0], row[1], row[2])


class Page(NamedTuple):
    """Stored events of one stream that follow each other, their bodies not read yet: most folds need only the last."""

    rows: Sequence[SealedRow]
    opener: Opener


class EventStore(Protocol):
    """Streams of events with compare-and-append. Every backend passes the same conformance suite."""

    def append(self, *writes: Write) -> list[int]:
        """Append all events of all writes in one durable commit, or none of them. Returns their positions.

        Raises ConcurrencyError when a stream isn't at its expected version, EventsLost when the store has lost the
        event that the first one follows, StorageUnavailable when the store can't take it, InvalidValue when an event is
        over the size limit.
        """
        ...

    async def aappend(self, *writes: Write) -> list[int]:
        """The same for a task, whose event loop goes on meanwhile."""
        ...

    def hold(self, stream: str) -> object:
        """Keep in mind where a stream stands, for as long as somebody keeps what is returned.

        For who appends to it again after a long while: by what is in mind he learns that the store has lost events.
        """
        ...

    def head(self, stream: str) -> int:
        """The version of the stream's last event; 0 when there is none."""
        ...

    def read(
        self, stream: str, *, after: int = 0, upto: int | None = None, backwards: bool = False
    ) -> Iterator[RecordedEvent]:
        """The events with ``after < version <= upto``, in order, fetched page by page."""
        ...

    def pages(self, stream: str, *, after: int = 0, upto: int | None = None) -> Iterator[Page]:
        """The same for folding, not read yet. Raises EventNotReadable for a row that can't be an event."""
        ...

    def events_at(self, places: Sequence[tuple[str, int]]) -> Sequence[RecordedEvent]:
        """The events at places, each a stream and a version, in their order; costs one round trip where all are small.

        Raises StorageCorrupt where there is none, EventNotReadable.
        """
        ...

    def beginning(self, stream: str, upto: int | None = None) -> Beginning | None:
        """The beginning of the stream's last event with ``version <= upto``; costs one row, however large it is.

        None when there is none. Raises EventNotReadable.
        """
        ...

    def tail(self, *, after: int = 0) -> Iterator[RecordedEvent]:
        """Every event of the store with ``position > after`` that can no longer be overtaken, in order of position.

        Ends when it has caught up. No event is ever passed over, however many write meanwhile.
        """
        ...

    def close(self) -> None:
        """Release connections. The store can't be used afterwards."""
        ...


class CheckpointStore(Protocol):
    """Folded states kept beside the events, as pages. A cache only: lose any of it, and every answer is the same.

    A page is known by the version that it leads up to. ``fold_revision`` names the code that folded; a page of another
    revision is never returned.
    """

    def save(self, stream: str, fold_revision: int, pages: Mapping[int, bytes]) -> None:
        """Keep pages, given by version, in one commit, each in place of any kept for that version.

        What is there already needs not be written again.
        """
        ...

    def pages(self, stream: str, upto: int | None, fold_revision: int) -> Iterator[tuple[int, bytes]]:
        """Version and content of this revision's pages with ``version <= upto``, in order, fetched a few at a time."""
        ...

    def clear(self) -> None:
        """Forget all checkpoints."""
        ...
