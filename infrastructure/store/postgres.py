"""The event store's recorder on PostgreSQL: one prepared statement a commit, no table lock, no event passed over.

A position is the number of the writing transaction, shifted, plus the event's place in that transaction. A reader of
the log stops before the oldest transaction that still runs, so nothing can later appear behind its back. Hence
positions have gaps, and a writing transaction left open anywhere in the server holds up readers of the log; readers of
a stream never wait.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from eventsourcing import postgres as stock
from eventsourcing.persistence import ApplicationRecorder, Notification, NotSupportedError, StoredEvent, Subscription
from psycopg.conninfo import make_conninfo

from .postgres_connections import PooledDatastore, migrate
from .recorder import LAST, QueryingRecorder

BATCH_ROWS = 5_000
BATCH_BYTES = 16 * 2**20
"""Bounds of one statement, as both sides build its arrays in memory. More events take several, in one transaction."""


class PostgresRecorder(stock.PostgresApplicationRecorder, QueryingRecorder):
    """eventsourcing's recorder without table lock, pipeline and NOTIFY; tables in the connection's default schema."""

    datastore: PooledDatastore

    def create_table(self) -> None:
        migrate(self.datastore)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:
        if len(stored_events) == 1:
            return [self.datastore.append(stored_events[0])]
        batches = list(_batches(stored_events))
        if len(batches) == 1:
            found = self.datastore.execute("append_events", batches[0])
        elif batches:
            found = self.datastore.execute_all("append_events", batches)
        else:
            return []
        # Positions count in the order of the events; the order of returned rows is the server's own affair.
        return sorted(position for (position,) in found)

    def select_events(
        self,
        originator_id: Any,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        bounds = {"stream": originator_id, "after": -1 if gt is None else gt, "upto": LAST if lte is None else lte}
        whole = {"large": LAST, "rows": LAST if limit is None else limit}
        rows = self.datastore.fetch("stream_page_backwards" if desc else "stream_page", bounds | whole)
        return [StoredEvent(originator_id, version, type, state) for version, type, state, _ in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        wanted = {
            "start": 0 if start is None else start + (not inclusive_of_start),
            "stop": LAST if stop is None else stop,
            "types": list(topics),
            "limit": limit,
        }
        rows = self.datastore.fetch("notifications", wanted)
        return [Notification(stream, version, type, state, position) for stream, version, position, type, state in rows]

    def max_notification_id(self) -> int | None:
        ((position,),) = self.datastore.look("max_position", {})
        return position  # type: ignore[no-any-return]

    def subscribe(self, *_: Any, **__: Any) -> Subscription[ApplicationRecorder]:
        raise NotSupportedError("this recorder sends no notifications; read the event store's tail instead")

    def close(self) -> None:
        self.datastore.close()

    def look(self, query: str, **parameters: Any) -> list[Any]:
        return self.datastore.look(query, parameters)

    def fetch(self, query: str, **parameters: Any) -> list[Any]:
        return self.datastore.fetch(query, parameters)


def _batches(events: Sequence[StoredEvent]) -> Iterator[dict[str, Any]]:
    # Writers that meet on several streams take them in the same order, or they would wait for each other for ever. The
    # place of an event among the positions of its commit stays what it was.
    placed = sorted(enumerate(events, 1), key=lambda item: (item[1].originator_id, item[1].originator_version))
    start = size = 0
    for index, (_, event) in enumerate(placed):
        if index > start and (size + len(event.state) > BATCH_BYTES or index - start >= BATCH_ROWS):
            yield _arrays(placed[start:index])
            start, size = index, 0
        size += len(event.state)
    if placed:
        yield _arrays(placed[start:])


def _arrays(placed: Sequence[tuple[int, StoredEvent]]) -> dict[str, Any]:
    return {
        "places": [place for place, _ in placed],
        "streams": [event.originator_id for _, event in placed],
        "versions": [event.originator_version for _, event in placed],
        "types": [event.topic for _, event in placed],
        "states": [event.state for _, event in placed],
    }


class Factory(stock.PostgresFactory):
    """``PERSISTENCE_MODULE=flowledger.infrastructure.store.postgres``: ``POSTGRES_URL`` or the library's own keys."""

    POSTGRES_URL = "POSTGRES_URL"
    application_recorder_class = PostgresRecorder

    def __init__(self, env: Any) -> None:
        # Passes over the library's own __init__, which demands the keys that a URL replaces.
        super(stock.BasePostgresFactory, self).__init__(env)
        url = self.env.get(self.POSTGRES_URL)
        self.datastore: PooledDatastore = PooledDatastore(url or self._conninfo())

    def _conninfo(self) -> str:
        return make_conninfo(
            dbname=self.env.get(self.POSTGRES_DBNAME),
            host=self.env.get(self.POSTGRES_HOST),
            port=self.env.get(self.POSTGRES_PORT) or None,
            user=self.env.get(self.POSTGRES_USER),
            password=self.env.get(self.POSTGRES_PASSWORD),
        )
