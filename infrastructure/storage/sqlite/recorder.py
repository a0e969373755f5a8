"""The event store's recorder on SQLite: write-ahead log, synchronous FULL, one statement an event."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, cast

from eventsourcing import sqlite as stock
from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent, Subscription

from ..eventsourcing.subscription import PollingSubscription
from ..index_writer import changes_in
from ..recorder import LAST, QueryingRecorder, missing_before
from ..sql import Dialect, queries
from ..stored_events import previous_of
from .datastore import ThreadBoundDatastore, migrate
from .index import SQLiteRebuilding, change_index

_SQL = queries("sqlite")


class SQLiteRecorder(stock.SQLiteApplicationRecorder, QueryingRecorder):
    """eventsourcing's recorder, with statements of our own where the library spends more than the disk does."""

    datastore: ThreadBoundDatastore
    dialect: Dialect = "sqlite"

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
        with self.datastore.transaction_of_several() as connection:
            positions = [_position(connection.execute(statement, row), row) for row in rows]
            if changes is not None:
                change_index(connection, changes, lambda place: positions[place - 1])
            return positions

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        rows = self.fetch(
            "notifications",
            start=0 if start is None else start + (not inclusive_of_start),
            stop=LAST if stop is None else stop,
            types=json.dumps(list(topics)) if topics else None,
            limit=limit,
        )
        return [Notification(stream, version, type, state, position) for stream, version, position, type, state in rows]

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """The notifications behind position ``gt``, as they come; use it as a context manager."""
        return PollingSubscription(self, gt, topics)

    def close(self) -> None:
        self.datastore.close()

    def fetch(self, query: str, **parameters: Any) -> list[Any]:
        return self.datastore.fetch(_SQL[query], parameters)

    def rebuilding(self) -> SQLiteRebuilding:
        return SQLiteRebuilding(self.datastore.transaction_of_several)

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        return self.datastore.fetch(sql, parameters)


def _position(cursor: sqlite3.Cursor, row: Mapping[str, Any]) -> int:
    """Raises PredecessorMissing when the row wasn't inserted, as that is the only condition."""
    if cursor.rowcount != 1 or cursor.lastrowid is None:
        raise missing_before(row["stream"], row["version"])
    return cursor.lastrowid


class Factory(stock.SQLiteFactory):
    """``PERSISTENCE_MODULE=flowledger.infrastructure.storage.sqlite.recorder``.

    ``SQLITE_DBNAME`` is a path or a ``file:`` URI.
    """

    application_recorder_class = SQLiteRecorder
    datastore: ThreadBoundDatastore

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        unused, db_name = self.datastore, self.datastore.pool.db_name
        self.datastore = ThreadBoundDatastore(
            db_name, lock_timeout=unused.pool.lock_timeout, single_row_tracking=unused.single_row_tracking
        )

    def application_recorder(self) -> SQLiteRecorder:
        return cast("SQLiteRecorder", super().application_recorder())
