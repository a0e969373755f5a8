"""The event store's recorder on SQLite: write-ahead log, synchronous FULL, one statement an event."""

import json
from collections.abc import Sequence
from typing import Any

from eventsourcing import sqlite as stock
from eventsourcing.persistence import Notification, StoredEvent

from .codec import BODY
from .recorder import LARGE_STATE, PAGE_ROWS, LedgerRecorder, Row, StreamRow
from .sql_files import queries
from .sqlite_connections import ThreadBoundDatastore, migrate

_LAST = 2**63 - 1
_SQL = queries("sqlite")


class SQLiteRecorder(stock.SQLiteApplicationRecorder, LedgerRecorder):
    """eventsourcing's recorder, with statements of our own where the library spends more than the disk does."""

    datastore: ThreadBoundDatastore

    def create_table(self) -> None:
        migrate(self.datastore)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:
        rows = [
            {
                "stream": event.originator_id,
                "version": event.originator_version,
                "type": event.topic,
                "state": event.state,
            }
            for event in stored_events
        ]
        statement = _SQL["append_event"]
        if len(rows) == 1:
            return [_position(self.datastore.execute(statement, rows[0]).lastrowid)]
        if not rows:
            return []
        with self.datastore.transaction_of_several() as connection:
            return [_position(connection.execute(statement, row).lastrowid) for row in rows]

    def head(self, stream: str) -> int:
        ((version,),) = self._fetch("head", stream=stream)
        return version or 0

    def header(self, stream: str, version: int) -> tuple[bytes, int] | None:
        found = self._fetch("header", stream=stream, version=version, bytes=BODY)
        return found[0] if found else None

    def state(self, stream: str, version: int) -> bytes | None:
        found = self._fetch("state", stream=stream, version=version)
        return found[0][0] if found else None

    def stream_page(self, stream: str, after: int, upto: int | None) -> Sequence[StreamRow]:
        return self._page("stream_page", stream=stream, after=after, upto=_LAST if upto is None else upto)

    def stream_page_backwards(self, stream: str, after: int, upto: int | None, rows: int) -> Sequence[StreamRow]:
        last = _LAST if upto is None else upto
        return self._page("stream_page_backwards", stream=stream, after=after, upto=last, rows=rows)

    def log_page(self, after: int) -> Sequence[Row]:
        return list(map(Row._make, self._page("log_page", after=after)))

    def all_page(self, after: tuple[str, int]) -> Sequence[Row]:
        return list(map(Row._make, self._page("all_page", stream=after[0], version=after[1])))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        rows = self._fetch(
            "notifications",
            start=0 if start is None else start + (not inclusive_of_start),
            stop=_LAST if stop is None else stop,
            types=json.dumps(list(topics)) if topics else None,
            limit=limit,
        )
        return [Notification(stream, version, type, state, position) for stream, version, position, type, state in rows]

    def close(self) -> None:
        self.datastore.close()

    def _page(self, query: str, **parameters: Any) -> list[Any]:
        return self._fetch(query, **({"large": LARGE_STATE, "rows": PAGE_ROWS} | parameters))

    def _fetch(self, query: str, **parameters: Any) -> list[Any]:
        return self.datastore.fetch(_SQL[query], parameters)


def _position(row_id: int | None) -> int:
    assert row_id is not None  # noqa: S101 - an INSERT that didn't raise has one
    return row_id


class Factory(stock.SQLiteFactory):
    """``PERSISTENCE_MODULE=flowledger.infrastructure.store.sqlite``; ``SQLITE_DBNAME`` is a path or a ``file:`` URI."""

    application_recorder_class = SQLiteRecorder
    datastore: ThreadBoundDatastore

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        unused, db_name = self.datastore, self.datastore.pool.db_name
        self.datastore = ThreadBoundDatastore(
            db_name, lock_timeout=unused.pool.lock_timeout, single_row_tracking=unused.single_row_tracking
        )
