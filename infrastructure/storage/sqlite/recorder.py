"""The event store's recorder on SQLite: write-ahead log, synchronous FULL, one statement an event."""

import json
import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from eventsourcing import sqlite as stock
from eventsourcing.persistence import StoredEvent

from ..errors import guard_refused, predecessor_missing
from ..eventsourcing.notifications import QueriedNotifications
from ..index_writer import changes_in
from ..sql import Dialect, queries
from ..stored_events import guards_in, previous_of
from .datastore import SQLiteDatastore
from .index import SQLiteIndexRebuild, change_index
from .schema import migrate

_SQL = queries("sqlite")

_PAGES_AT_ONCE: Final = 2_000
"""Pages that one write of an incremental vacuum moves; others write in between."""


class SQLiteRecorder(QueriedNotifications, stock.SQLiteApplicationRecorder):
    """eventsourcing's recorder, with statements of our own where the library spends more than the disk does."""

    datastore: SQLiteDatastore
    dialect: Dialect = "sqlite"
    can_guard = True

    def __init__(self, datastore: Any, events_table_name: str = "") -> None:  # noqa: ARG002 - the library's name for it
        super().__init__(datastore, events_table_name="flowledger_events")

    def create_table(self) -> None:
        migrate(self.datastore)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:
        rows = [
            {
                "stream": event.originator_id,
                "version": event.originator_version,
                "type": event.topic,
                "state": event.state,
                "previous": previous_of(event),
            }
            for event in stored_events
        ]
        statement = _SQL["append_event"]
        changes = changes_in(stored_events)
        if len(rows) == 1 and changes is None:
            return [_position(self.datastore.execute(statement, rows[0]), rows[0])]
        if not rows:
            return []
        guards = [] if changes is None else guards_in(stored_events)
        with self.datastore.write_transaction() as connection:
            if not all(connection.execute(_SQL["guard_holds"], guard._asdict()).fetchone()[0] for guard in guards):
                raise guard_refused(guards)
            positions = [_position(connection.execute(statement, row), row) for row in rows]
            if changes is not None:
                change_index(connection, changes, lambda place: positions[place - 1])
            return positions

    def types_parameter(self, topics: Sequence[str]) -> str | None:
        return json.dumps(list(topics)) if topics else None

    def close(self) -> None:
        self.datastore.close()

    def fetch(self, query: str, **parameters: Any) -> list[Any]:
        return self.datastore.fetch(_SQL[query], parameters)

    def index_rebuild(self) -> SQLiteIndexRebuild:
        return SQLiteIndexRebuild(self.datastore.write_transaction)

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        return self.datastore.fetch(sql, parameters)

    def change(self, sql: str, parameters: Mapping[str, Any]) -> None:
        self.datastore.execute(sql, parameters)

    scrubs = (
        "its row is overwritten and deleted, freed pages are overwritten (secure_delete), and the write-ahead log is "
        "emptied"
    )

    def prepare_scrub(self) -> None:
        self.datastore.execute("PRAGMA secure_delete = ON", {}).fetchall()

    def scrub(self, table: str) -> str:  # noqa: ARG002 - all of the file
        return self.scrubs if self.datastore.empty_log() else _LOG_IN_USE

    @contextmanager
    def removal(self) -> Generator[tuple[object, Callable[[str, Mapping[str, Any]], list[Any]]]]:
        with self.datastore.write_transaction() as connection:
            yield connection, lambda sql, parameters: connection.execute(sql, parameters).fetchall()

    def return_space(self, give_way: Callable[[], object]) -> int:
        """Where the file was made by an earlier release, free pages stay in it, for what comes: VACUUM frees them."""
        self.datastore.empty_log()
        before = self._file_bytes()
        while self.datastore.execute("PRAGMA freelist_count", {}).fetchone() != (0,):
            pages = self._pages()
            self.datastore.give_back_pages(_PAGES_AT_ONCE)
            give_way()
            if self._pages() >= pages:
                break
        self.datastore.empty_log()
        return max(0, before - self._file_bytes())

    def _pages(self) -> int:
        return int(self.datastore.execute("PRAGMA page_count", {}).fetchone()[0])

    def _file_bytes(self) -> int:
        return Path(self.datastore.name).stat().st_size

    @contextmanager
    def locked(self, sql: str, parameters: Mapping[str, Any]) -> Generator[list[Any]]:
        with self.datastore.lot_lock:
            yield self.query(sql, parameters)


def _position(cursor: sqlite3.Cursor, row: Mapping[str, Any]) -> int:
    """Raises PredecessorMissing when the row wasn't inserted, as that is the only condition."""
    if cursor.rowcount != 1 or cursor.lastrowid is None:
        raise predecessor_missing(row["stream"], row["version"])
    return cursor.lastrowid


_LOG_IN_USE = (
    "its row is overwritten and deleted; the write-ahead log couldn't be emptied, as another process reads the store: "
    "SQLite does it with its next checkpoint"
)
