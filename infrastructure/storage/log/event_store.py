"""Stores of other packages: a log to build an event store on, or an object that implements the port."""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from ....domain.errors import InvalidRequest
from ....domain.ports import (
    Beginning,
    CheckpointStore,
    EventStore,
    Guard,
    GuardingStore,
    RecordedEvent,
    RowBatch,
    Write,
)
from ....domain.visible import quoted
from ..codec import MAX_EVENT_BYTES, LedgerMapper
from ..event_store import LedgerEventStore
from ..memory.checkpoints import MemoryCheckpoints
from ..sqlite.search import SQLiteSearch
from ..stored_events import LinkedEvent
from .event_log import EventLog, LogRow, NewRow
from .recorder import LogRecorder

_PORT = ("append", "aappend", "head", "read", "pages", "events_at", "beginning", "tail", "close")


def event_store(
    log: EventLog, *, max_event_bytes: int = MAX_EVENT_BYTES, checkpoints: CheckpointStore | None = None
) -> LedgerEventStore:
    """An event store on a log. Closing it closes the log.

    The index and the search are built from the log on first use, and kept in memory; so are checkpoints, unless a
    store is given for them. ``max_event_bytes`` bounds the JSON body of one event.
    """
    recorder = LogRecorder(log)
    search = SQLiteSearch(recorder.side_tables, recorder.side_tables.transaction)
    return LedgerEventStore(
        LedgerMapper(max_event_bytes=max_event_bytes), recorder, checkpoints or MemoryCheckpoints(), search
    )


def adapt_store(store: object, max_event_bytes: int, factory: str | None = None) -> LedgerEventStore:
    """Adapt a store of another package to the event store that a ledger needs; ``factory`` names what made it.

    Raises InvalidRequest for an object that is no store.
    """
    if isinstance(store, LedgerEventStore):
        return store
    if isinstance(store, EventLog):
        return event_store(store, max_event_bytes=max_event_bytes)
    missing = [name for name in _PORT if not callable(getattr(store, name, None))]
    if missing:
        what = f"{factory} returned" if factory else "a store's URL, an EventLog or an EventStore is needed, not"
        raise InvalidRequest(f"{what} {quoted(store)}, which is no EventStore: it lacks {', '.join(missing)}")
    return PortStore(cast("EventStore", store), max_event_bytes)


class PortStore(LedgerEventStore):
    """An implementation of the port, with index, search and checkpoints beside it. Events only go through the port."""

    def __init__(self, port: EventStore, max_event_bytes: int) -> None:
        recorder = LogRecorder(_PortLog(port))
        search = SQLiteSearch(recorder.side_tables, recorder.side_tables.transaction)
        super().__init__(LedgerMapper(max_event_bytes=max_event_bytes), recorder, MemoryCheckpoints(), search)
        self._port = port

    def append(self, *writes: Write) -> list[int]:
        positions = self._port.append(*writes)
        self.wakeups.notify()
        return positions

    @property
    def can_guard(self) -> bool:
        return bool(getattr(self._port, "can_guard", False))

    def append_while(self, guard: Guard, *writes: Write) -> list[int]:
        positions = cast("GuardingStore", self._port).append_while(guard, *writes)
        self.wakeups.notify()
        return positions

    async def aappend(self, *writes: Write) -> list[int]:
        positions = await self._port.aappend(*writes)
        self.wakeups.notify()
        return positions

    def append_recorded(self, events: Sequence[LinkedEvent]) -> list[int]:  # noqa: ARG002 - the inherited signature
        raise InvalidRequest(
            f"nothing can be imported into {type(self._port).__name__}: the port of event stores takes new events "
            "only; import into a store on an EventLog, SQLite or PostgreSQL"
        )

    def hold(self, stream: str) -> object:
        hold = getattr(self._port, "hold", None)  # not needed by a store that never loses events
        return super().hold(stream) if hold is None else hold(stream)

    def head(self, stream: str) -> int:
        return self._port.head(stream)

    def read(
        self, stream: str, *, after: int = 0, upto: int | None = None, backwards: bool = False
    ) -> Iterator[RecordedEvent]:
        return self._port.read(stream, after=after, upto=upto, backwards=backwards)

    def pages(self, stream: str, *, after: int = 0, upto: int | None = None) -> Iterator[RowBatch]:
        return self._port.pages(stream, after=after, upto=upto)

    def events_at(self, places: Sequence[tuple[str, int]]) -> list[RecordedEvent]:
        return list(self._port.events_at(places))

    def beginning(self, stream: str, upto: int | None = None) -> Beginning | None:
        return self._port.beginning(stream, upto)

    def tail(self, *, after: int = 0) -> Iterator[RecordedEvent]:
        return self._port.tail(after=after)


class _PortLog(EventLog):
    """The rows of the port as a log."""

    def __init__(self, port: EventStore) -> None:
        self._port = port

    def append(self, rows: Sequence[NewRow]) -> Sequence[int]:
        raise NotImplementedError(f"{len(rows)} rows: events are appended through the port")

    def stream(self, stream: str, after: int, upto: int | None, *, backwards: bool = False) -> Iterable[LogRow]:
        if backwards:
            versions = (event.version for event in self._port.read(stream, after=after, upto=upto, backwards=True))
            for version in versions:
                yield from self.stream(stream, version - 1, version)
            return
        for page in self._port.pages(stream, after=after, upto=upto):
            for version, type, state, position in page.rows:
                yield LogRow(stream, version, position, type, state)

    def tail(self, after: int) -> Iterable[LogRow]:
        for event in self._port.tail(after=after):
            yield from self.stream(event.stream, event.version - 1, event.version)

    def head(self, stream: str) -> int:
        return self._port.head(stream)

    def close(self) -> None:
        self._port.close()
