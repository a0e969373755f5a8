"""The recorder in memory: for tests and trials."""

import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from itertools import islice
from threading import Lock, RLock
from typing import Any
from weakref import finalize

from eventsourcing import popo
from eventsourcing.persistence import OperationalError, StoredEvent

from ....projections.index.changes import INDEX_REVISION
from ...concurrency.forking import register_for_forks
from ..codec import BODY, digest_of
from ..errors import guard_refused, predecessor_missing
from ..index_writer import changes_in
from ..recorder import BATCH_ROWS, BEGINNING_BYTES, EventRow, LedgerRecorder, StreamRow, holds
from ..sql import (
    Dialect,
    access_tables,
    index_tables,
    rebuild_table,
    search_tables,
    subject_tables,
    subscription_table,
    tree_tables,
    worker_tables,
)
from ..sqlite.index import SQLiteIndexRebuild, change_index
from ..sqlite.search import register_functions
from ..stored_events import guards_in, previous_of


@cache
def empty_index() -> bytes:
    """The file of a database with all tables, and no row."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with closing(connection):
        for statement in (
            *index_tables("sqlite"),
            *search_tables(),
            *rebuild_table(),
            *subscription_table(),
            *worker_tables(),
            *access_tables(),
            *tree_tables(),
            *subject_tables(),
            f"CREATE TABLE flowledger_index AS SELECT {INDEX_REVISION} AS revision",
        ):
            connection.execute(statement)
        return connection.serialize()


def make_index() -> sqlite3.Connection:
    """A database in memory with all tables: copied, as to say each statement again takes ten times as long.

    It isn't that file itself, as SQLite bounds how large one may grow in memory.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with closing(sqlite3.connect(":memory:")) as template:
        template.deserialize(empty_index())
        template.backup(connection)
    return connection


class MemoryRecorder(popo.POPOApplicationRecorder, LedgerRecorder):
    """Events in a list; versions of a stream count from 1 without gaps, so a stream's index finds each of them.

    The index and search are tables in SQLite, so that queries are written once.
    """

    waits_for_a_disk = False
    can_guard = True
    dialect: Dialect = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self._index = make_index()
        register_functions(self._index)
        self._closed = False
        self._lot_lock = Lock()
        finalize(self, self._index.close).atexit = False  # who lets go of a store in memory needn't close it
        register_for_forks(self)

    def before_fork(self) -> None:
        """Wait for changes under way, so that a child gets a consistent copy."""
        self._database_lock.acquire()

    def after_fork_in_parent(self) -> None:
        self._database_lock.release()

    def after_fork_in_child(self) -> None:
        self._database_lock, self._lot_lock = RLock(), Lock()

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> list[int]:
        return list(super().insert_events(stored_events, **kwargs) or ())

    def _assert_uniqueness(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        super()._assert_uniqueness(stored_events, **kwargs)
        for event in stored_events:
            previous = previous_of(event)
            if previous and previous != self._digest_at(event.originator_id, event.originator_version - 1):
                raise predecessor_missing(str(event.originator_id), event.originator_version)

    def _digest_at(self, stream: object, version: int) -> bytes | None:
        place = self._stored_events_index[str(stream)].get(version)
        return None if place is None else digest_of(self._stored_events[place].state)

    def _update_table(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> list[int]:
        self._refuse_if_closed()
        changes = changes_in(stored_events)
        if changes is not None:
            guards = guards_in(stored_events)
            if not all(holds(self, guard) for guard in guards):
                raise guard_refused(guards)
        positions = list(super()._update_table(stored_events, **kwargs) or ())
        if changes is not None:
            change_index(self._index, changes, lambda place: positions[place - 1])
        return positions

    def indexed_batch(self, after: int, *, settled: bool) -> Sequence[EventRow]:  # noqa: ARG002 - commits are serial
        return self.log_batch(after)

    def index_rebuild(self) -> SQLiteIndexRebuild:
        return SQLiteIndexRebuild(self.transaction)

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """One transaction on the index and search tables."""
        with self._database_lock:
            self._refuse_if_closed()
            self._index.execute("BEGIN")
            try:
                yield self._index
                self._index.execute("COMMIT")
            finally:
                if self._index.in_transaction:
                    self._index.rollback()

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        with self._database_lock:
            self._refuse_if_closed()
            return self._index.execute(sql, parameters).fetchall()

    def change(self, sql: str, parameters: Mapping[str, Any]) -> None:
        with self.transaction() as connection:
            connection.execute(sql, parameters)

    @contextmanager
    def locked(self, sql: str, parameters: Mapping[str, Any]) -> Generator[list[Any]]:
        with self._lot_lock:
            yield self.query(sql, parameters)

    def query_beside_head(self, stream: str, sql: str, parameters: Mapping[str, Any]) -> tuple[int, list[Any]]:
        with self._database_lock:
            return self.head(stream), self.query(sql, parameters)

    def head(self, stream: str) -> int:
        with self._database_lock:
            return len(self._stored_events_index.get(stream, ()))

    def header(self, stream: str, version: int) -> tuple[bytes, int] | None:
        with self._database_lock:
            index = self._stored_events_index.get(stream, {}).get(version)
            return None if index is None else (self._stored_events[index].state[:BODY], index + 1)

    def beginning(self, stream: str, upto: int | None) -> tuple[int, str, bytes] | None:
        head = self.head(stream)
        version = head if upto is None else min(upto, head)
        if version < 1:
            return None
        ((_, type, encoded, _),) = self._rows(stream, range(version, version + 1))
        return version, type, (encoded or b"")[:BEGINNING_BYTES]

    def encoded(self, stream: str, version: int) -> bytes | None:
        with self._database_lock:
            index = self._stored_events_index.get(stream, {}).get(version)
            return None if index is None else self._stored_events[index].state

    def stream_batch(self, stream: str, after: int, upto: int | None) -> Sequence[StreamRow]:
        first, last = self._bounds(stream, after, upto)
        return self._rows(stream, range(first, min(last, first + BATCH_ROWS - 1) + 1))

    def stream_batch_backwards(self, stream: str, after: int, upto: int | None, rows: int) -> Sequence[StreamRow]:
        first, last = self._bounds(stream, after, upto)
        return self._rows(stream, range(last, max(first, last - rows + 1) - 1, -1))

    def log_batch(self, after: int, *, settled: bool = True) -> Sequence[EventRow]:  # noqa: ARG002 - commits are serial
        with self._database_lock:
            start = max(after, 0)
            page = self._stored_events[start : start + BATCH_ROWS]
            return [_row(event, position) for position, event in enumerate(page, start + 1)]

    def batch_by_stream(self, after: tuple[str, int]) -> Sequence[EventRow]:
        with self._database_lock:
            return list(islice(self._after(after), BATCH_ROWS))

    def _after(self, after: tuple[str, int]) -> Iterator[EventRow]:
        for stream in sorted(name for name in self._stored_events_index if name >= after[0]):
            versions = self._stored_events_index[stream]
            for version in sorted(version for version in versions if (stream, version) > after):
                yield _row(self._stored_events[versions[version]], versions[version] + 1)

    def close(self) -> None:
        with self._database_lock:
            self._closed = True
            self._index.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise OperationalError("the store in memory is closed")

    def _bounds(self, stream: str, after: int, upto: int | None) -> tuple[int, int]:
        head = self.head(stream)
        return max(after, 0) + 1, head if upto is None else min(upto, head)

    def _rows(self, stream: str, versions: range) -> list[StreamRow]:
        with self._database_lock:
            index = self._stored_events_index.get(stream, {})
            events = [(self._stored_events[index[version]], index[version] + 1) for version in versions]
            return [(event.originator_version, event.topic, event.state, position) for event, position in events]


def _row(event: StoredEvent, position: int) -> EventRow:
    return EventRow(str(event.originator_id), event.originator_version, position, event.topic, event.state)
