"""Wrappers round an event store: one keeps a journal and breaks on purpose, the others plant bugs."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import orjson

from flowledger.domain.ports import Beginning, ExpectedVersion, Guard, RecordedEvent, RowBatch, RowDecoder, Write
from flowledger.infrastructure.storage.recorder import EventRow
from flowledger.testing import Crash


class WrappedStore:
    """Passes everything on."""

    can_guard = False
    """So that ``append`` sees all that is appended."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        """Checkpoints, the index, the search."""
        return getattr(self.inner, name)

    def append(self, *writes: Write) -> list[int]:
        positions: list[int] = self.inner.append(*writes)
        return positions

    async def aappend(self, *writes: Write) -> list[int]:
        return await asyncio.to_thread(self.append, *writes)

    def head(self, stream: str) -> int:
        head: int = self.inner.head(stream)
        return head

    def read(
        self, stream: str, *, after: int = 0, upto: int | None = None, backwards: bool = False
    ) -> Iterator[RecordedEvent]:
        yield from self.inner.read(stream, after=after, upto=upto, backwards=backwards)

    def pages(self, stream: str, *, after: int = 0, upto: int | None = None) -> Iterator[RowBatch]:
        yield from self.inner.pages(stream, after=after, upto=upto)

    def beginning(self, stream: str, upto: int | None = None) -> Beginning | None:
        beginning: Beginning | None = self.inner.beginning(stream, upto)
        return beginning

    def tail(self, *, after: int = 0) -> Iterator[RecordedEvent]:
        yield from self.inner.tail(after=after)

    def all_rows(self, stream: str | None = None) -> Iterator[EventRow]:
        yield from self.inner.all_rows(stream)

    def close(self) -> None:
        self.inner.close()


class JournalingStore(WrappedStore):
    """Keeps what was stored, in a journal of its own, and crashes before or after a commit when told to."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.journal: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.crash_at: tuple[int, Literal["before", "after"]] | None = None
        """How many appends are still to pass, and on which side of the next one's commit to crash."""
        self.appends = 0
        """How many were made."""

    can_guard = True  # type: ignore[assignment]

    def append(self, *writes: Write) -> list[int]:
        return self._journaled(self.inner.append, writes)

    def append_while(self, guard: Guard, *writes: Write) -> list[int]:
        return self._journaled(partial(self.inner.append_while, guard), writes)

    def _journaled(self, append: Callable[..., list[int]], writes: Sequence[Write]) -> list[int]:
        side = self._due()
        if side == "before":
            raise Crash("before commit")
        positions = append(*writes)
        self.appends += 1
        for stream, _, events in writes:
            self.journal.setdefault(stream, []).extend((event.type, dict(event.data)) for event in events)
        if side == "after":
            raise Crash("after commit")
        return positions

    def _due(self) -> str | None:
        if self.crash_at is None:
            return None
        left, side = self.crash_at
        self.crash_at = (left - 1, side) if left else None
        return None if left else side

    def run_ids(self) -> list[str]:
        return [stream for stream, events in self.journal.items() if events[0][0] == "run.started"]


# --- planted bugs -----------------------------------------------------------------------------------------------------


class DropsAnEventOnAppend(WrappedStore):
    """Acknowledges a commit of several events and keeps only the first."""

    def append(self, *writes: Write) -> list[int]:
        return super().append(*(write._replace(events=write.events[:1]) for write in writes))


class DoublesAnEvent(WrappedStore):
    """Appends an operator's note twice, as a retry without compare-and-append would."""

    def append(self, *writes: Write) -> list[int]:
        positions = super().append(*writes)
        if any(event.type == "run.metadata_set" for write in writes for event in write.events):
            super().append(*(write._replace(expected=ExpectedVersion.ANY) for write in writes))
        return positions


class Rereading(WrappedStore):
    """Reads a stream whole, spoils the list of events, then answers from it."""

    def spoil(self, events: list[RecordedEvent]) -> list[RecordedEvent]:
        raise NotImplementedError

    def read(
        self, stream: str, *, after: int = 0, upto: int | None = None, backwards: bool = False
    ) -> Iterator[RecordedEvent]:
        events = self.spoil(list(self.inner.read(stream)))
        events = [event for event in events if event.version > after and (upto is None or event.version <= upto)]
        yield from reversed(events) if backwards else events

    def beginning(self, stream: str, upto: int | None = None) -> Beginning | None:
        events = list(self.read(stream, upto=upto))
        return Beginning(events[-1].version, events[-1].type, events[-1].data) if events else None

    def pages(self, stream: str, *, after: int = 0, upto: int | None = None) -> Iterator[RowBatch]:
        events = list(self.read(stream, after=after, upto=upto))
        encoded = [(event.version, event.type, orjson.dumps(event.data), event.position) for event in events]
        yield RowBatch(encoded, RowDecoder(stream, lambda _stream, _version, _type, state: orjson.loads(state)))


class DropsAnEventOnRead(Rereading):
    """Passes over the third event of every stream."""

    def spoil(self, events: list[RecordedEvent]) -> list[RecordedEvent]:
        return events[:2] + events[3:]


class DropsAndRenumbers(Rereading):
    """Passes over the third event and closes the gap in the versions."""

    def spoil(self, events: list[RecordedEvent]) -> list[RecordedEvent]:
        return [replace(event, version=place) for place, event in enumerate(events[:2] + events[3:], 1)]


class SwapsTwoEvents(Rereading):
    """Gives the second and third event of a stream each other's version."""

    def spoil(self, events: list[RecordedEvent]) -> list[RecordedEvent]:
        if len(events) < 3:
            return events
        first, second, third, *rest = events
        return [first, replace(third, version=2), replace(second, version=3), *rest]


class OffByOne(WrappedStore):
    """Takes ``upto`` as exclusive when folding."""

    def pages(self, stream: str, *, after: int = 0, upto: int | None = None) -> Iterator[RowBatch]:
        return super().pages(stream, after=after, upto=None if upto is None else max(upto - 1, 1))


class BeyondTheHead(WrappedStore):
    """Never says that a version is too high, so the head answers for it."""

    def head(self, stream: str) -> int:
        head = super().head(stream)
        return head and head + 1000
