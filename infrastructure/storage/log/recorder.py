"""A recorder on another package's log. Index and search are kept in memory beside it, and follow it."""

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from threading import Lock, RLock
from typing import Any, Self

from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    StoredEvent,
)

from ....domain.errors import EventNotReadable, FlowledgerError
from ....projections.index.changes import PlacedEvent, changes_of_readable, is_indexed
from ...concurrency.forking import ResetOnFork, register_for_forks
from ..codec import BODY, decode
from ..errors import ConnectionLost
from ..eventsourcing.notifications import PollingNotifications
from ..index_rebuild import CatchUp
from ..recorder import BATCH_ROWS, BEGINNING_BYTES, LARGE_EVENT, EventRow, StreamRow
from ..sql import Dialect
from ..sqlite.index import SQLiteIndexRebuild, change_index
from ..stored_events import previous_of
from .event_log import AppendRefused, EventLog, LogRow, NewRow
from .side_tables import SideTables

_BEFORE_ALL = -(2**63)


class LogRecorder(ResetOnFork, PollingNotifications):
    """Rows of an EventLog, and an index in memory that catches up with the log before each query."""

    dialect: Dialect = "sqlite"

    def __init__(self, log: EventLog) -> None:
        super().__init__()
        self.side_tables = SideTables()
        self._log = log
        self._lock = RLock()
        self._lot_lock = Lock()
        self._last: EventRow | None = None
        """The last event in the index, with its header."""
        self._rebuilt: EventRow | None = None
        """The same for an index that is being rebuilt."""
        self._streams: set[str] = set()
        self._sorted: list[str] | None = None
        register_for_forks(self)

    # --- writing ------------------------------------------------------------------------------------------------------

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:
        rows = [NewRow(*_place(event), event.topic, event.state, previous_of(event)) for event in stored_events]
        if not rows:
            return []
        try:
            with _translate_foreign(self._log):
                return list(self._log.append(rows))
        except AppendRefused as error:
            raise IntegrityError(str(error)) from error

    # --- reading ------------------------------------------------------------------------------------------------------

    def head(self, stream: str) -> int:
        with _translate_foreign(self._log):
            return self._log.head(stream)

    def header(self, stream: str, version: int) -> tuple[bytes, int] | None:
        row = self._row(stream, version)
        return None if row is None else (row.state[:BODY], row.position)

    def beginning(self, stream: str, upto: int | None) -> tuple[int, str, bytes] | None:
        found = self._take(lambda: self._log.stream(stream, 0, upto, backwards=True), 1)
        return (found[0].version, found[0].type, found[0].state[:BEGINNING_BYTES]) if found else None

    def encoded(self, stream: str, version: int) -> bytes | None:
        row = self._row(stream, version)
        return None if row is None else row.state

    def stream_batch(self, stream: str, after: int, upto: int | None) -> Sequence[StreamRow]:
        return self._stream_rows(lambda: self._log.stream(stream, after, upto), BATCH_ROWS)

    def stream_batch_backwards(self, stream: str, after: int, upto: int | None, rows: int) -> Sequence[StreamRow]:
        return self._stream_rows(lambda: self._log.stream(stream, after, upto, backwards=True), rows)

    def log_batch(self, after: int, *, settled: bool = True) -> Sequence[EventRow]:  # noqa: ARG002 - the log returns no others
        return self._take(lambda: self._log.tail(after), BATCH_ROWS, _without_large_state)

    def batch_by_stream(self, after: tuple[str, int]) -> Sequence[EventRow]:
        page: list[EventRow] = []
        names = self._names()
        for name in islice(names, bisect_left(names, after[0]), None):
            behind = after[1] if name == after[0] else _BEFORE_ALL
            page += self._take(
                lambda name=name, behind=behind: self._log.stream(name, behind, None),  # type: ignore[misc]
                BATCH_ROWS - len(page),
                _without_large_state,
            )
            if len(page) == BATCH_ROWS:
                break
        return page

    def select_events(
        self,
        originator_id: Any,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        rows = self._take(
            lambda: self._log.stream(str(originator_id), 0 if gt is None else gt, lte, backwards=desc), limit
        )
        return [StoredEvent(row.stream, row.version, row.type, row.state) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = 0 if start is None else start - inclusive_of_start

        def wanted() -> Iterable[LogRow]:
            for row in self._log.tail(after):
                if stop is not None and row.position > stop:
                    return
                if not topics or row.type in topics:
                    yield row

        rows = self._take(wanted, limit)
        return [Notification(row.stream, row.version, row.type, row.state, row.position) for row in rows]

    def max_notification_id(self) -> int | None:
        self._catch_up()
        return self._last.position if self._last else None

    def close(self) -> None:
        self.side_tables.close()
        self._log.close()

    # --- the index ----------------------------------------------------------------------------------------------------

    def indexed_batch(self, after: int, *, settled: bool) -> Sequence[EventRow]:
        page = self.log_batch(after, settled=settled)
        if page:
            self._rebuilt = self._with_header(page[-1])
        return page

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        self._catch_up()
        return self.side_tables.query(sql, parameters)

    def change(self, sql: str, parameters: Mapping[str, Any]) -> None:
        with self.side_tables.transaction() as connection:
            connection.execute(sql, parameters)

    @contextmanager
    def locked(self, sql: str, parameters: Mapping[str, Any]) -> Generator[list[Any]]:
        with self._lot_lock:
            yield self.query(sql, parameters)

    def index_rebuild(self) -> "_LogIndexRebuild":
        return _LogIndexRebuild(self)

    def lock_index(self) -> None:
        """Block queries of the index by other threads."""
        self._lock.acquire()
        self._rebuilt = None

    def unlock_index(self) -> None:
        self._lock.release()

    def adopt_rebuilt(self) -> None:
        """The index has been rebuilt up to the last batch that was read."""
        self._last = self._rebuilt

    def _catch_up(self) -> None:
        """Add the log's new events to the index. An unreadable event changes no row: verify reports it."""
        with self._lock:
            if self._last is not None and not self._is_stored(self._last):
                # The log has lost events, so new ones may come at positions already passed.
                self._reset()
            while True:
                page = self.log_batch(self._last.position if self._last else 0)
                _, changes = changes_of_readable(list(self._placed(page)))
                with self.side_tables.transaction() as connection:
                    change_index(connection, changes, lambda place: place)
                if page:
                    self._last = self._with_header(page[-1])
                names = {row.stream for row in page} - self._streams
                if names:
                    self._streams |= names
                    self._sorted = None
                if len(page) < BATCH_ROWS:
                    return

    def _reset(self) -> None:
        self.side_tables.renew()
        self._last, self._streams, self._sorted = None, set(), None

    def _is_stored(self, row: EventRow) -> bool:
        return self.header(row.stream, row.version) == (row.encoded, row.position)

    def _with_header(self, row: EventRow) -> EventRow:
        found = self.header(row.stream, row.version) if row.encoded is None else (row.encoded[:BODY], row.position)
        return row._replace(encoded=found[0] if found else b"")

    def _placed(self, page: Sequence[EventRow]) -> Iterable[PlacedEvent]:
        for row in page:
            encoded = row.encoded if row.encoded is not None else self.encoded(row.stream, row.version) or b""
            try:
                data = decode(row.stream, row.version, row.type, encoded)
            except EventNotReadable:
                data = {}
            if not data or is_indexed(row.type, data):
                yield PlacedEvent(row.position, row.stream, row.version, row.type, data)

    def _names(self) -> list[str]:
        with self._lock:
            self._catch_up()
            if self._sorted is None:
                self._sorted = sorted(self._streams)
            return self._sorted

    # --- a process that forks -----------------------------------------------------------------------------------------

    def after_fork_in_child(self) -> None:
        self._lot_lock = Lock()
        self._lock = RLock()  # its holder isn't in the child, and may have been in the middle of a change
        self._reset()

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _row(self, stream: str, version: int) -> LogRow | None:
        found = self._take(lambda: self._log.stream(stream, version - 1, version), 1)
        return found[0] if found else None

    def _stream_rows(self, rows: Callable[[], Iterable[LogRow]], limit: int) -> Sequence[StreamRow]:
        return self._take(rows, limit, lambda row: (row.version, row.type, _if_small(row.state), row.position))

    def _take(
        self, rows: Callable[[], Iterable[LogRow]], limit: int | None, form: Callable[[LogRow], Any] = lambda row: row
    ) -> list[Any]:
        """The first rows, each converted by ``form``; the iterator is closed at once, so that nothing is kept open."""
        with _translate_foreign(self._log):
            found = iter(rows())
            try:
                return [form(row) for row in islice(found, limit)]
            finally:
                close = getattr(found, "close", None)
                if close is not None:
                    close()


def _place(event: StoredEvent) -> tuple[str, int]:
    return str(event.originator_id), event.originator_version


def _if_small(state: bytes) -> bytes | None:
    return state if len(state) <= LARGE_EVENT else None


def _without_large_state(row: LogRow) -> EventRow:
    return EventRow(row.stream, row.version, row.position, row.type, _if_small(row.state))


@contextmanager
def _translate_foreign(log: EventLog) -> Generator[None]:
    """Translate an error that isn't of flowledger's tree into ConnectionLost: the outcome is unknown."""
    try:
        yield
    except FlowledgerError:
        raise
    except Exception as error:
        raise ConnectionLost(f"{type(log).__name__} met {type(error).__name__}: {error}") from error


class _LogIndexRebuild(SQLiteIndexRebuild):
    """Rebuilds the index of a log. Queries wait meanwhile; writers don't."""

    def __init__(self, recorder: "LogRecorder") -> None:
        super().__init__(recorder.side_tables.transaction)
        self._recorder = recorder

    def __enter__(self) -> Self:
        self._recorder.lock_index()
        try:
            return super().__enter__()
        except BaseException:
            self._recorder.unlock_index()
            raise

    def __exit__(self, *error: object) -> None:
        try:
            super().__exit__(*error)
        finally:
            self._recorder.unlock_index()

    def swap(self, catch_up: CatchUp, revision: int) -> int:
        events = super().swap(catch_up, revision)
        self._recorder.adopt_rebuilt()
        return events
