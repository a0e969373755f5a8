"""The event store's recorder on PostgreSQL: one prepared statement a commit, no table lock, no event passed over.

A position is the number of the writing transaction (plus what its cluster adds, see sql/postgres/0002_epochs.sql),
shifted, plus the event's place in that transaction. A reader of the log stops before the oldest transaction that still
runs, so nothing can later appear behind its back. Hence positions have gaps, and a writing transaction left open
anywhere in the server holds up readers of the log; readers of a stream never wait.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from eventsourcing import postgres as stock
from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent, Subscription
from psycopg.conninfo import make_conninfo

from ..eventsourcing.subscription import PollingSubscription
from ..recorder import LARGE_STATE, LAST, QueryingRecorder, Row
from ..sql import Dialect
from .datastore import PooledDatastore, migrate
from .index import PostgresRebuilding


class PostgresRecorder(stock.PostgresApplicationRecorder, QueryingRecorder):
    """eventsourcing's recorder without table lock, pipeline and NOTIFY; tables in the store's schema."""

    datastore: PooledDatastore
    dialect: Dialect = "postgres"

    def __init__(self, datastore: Any, *, events_table_name: str = "") -> None:  # noqa: ARG002 - the library's name for it
        super().__init__(datastore, events_table_name="flowledger_events")

    def create_table(self) -> None:
        migrate(self.datastore)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:
        return self.datastore.append(stored_events) if stored_events else []

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

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """The notifications behind position ``gt``, as they come; use it as a context manager."""
        return PollingSubscription(self, gt, topics)

    def close(self) -> None:
        self.datastore.close()

    def look(self, query: str, **parameters: Any) -> list[Any]:
        return self.datastore.look(query, parameters)

    def fetch(self, query: str, **parameters: Any) -> list[Any]:
        return self.datastore.fetch(query, parameters)

    def rows_at(self, places: Sequence[tuple[str, int]]) -> Sequence[Row]:
        if len(places) == 1:
            return super().rows_at(places)  # a plainer statement, in half of the time
        streams, versions = [stream for stream, _ in places], [version for _, version in places]
        found = self.fetch("rows_at", streams=streams, versions=versions, large=LARGE_STATE)
        return list(map(Row._make, found))

    def rebuilding(self) -> PostgresRebuilding:
        return PostgresRebuilding(self.datastore)

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        return self.datastore.query(with_parameters(sql), parameters)


@lru_cache(500)
def with_parameters(sql: str) -> str:
    """The statement with its parameters, written like ``:name``, as the driver wants them."""
    return _PARAMETER.sub(r"%(\1)s", sql)


_PARAMETER = re.compile(r"(?<!:):([a-z_0-9]+)")


class Factory(stock.PostgresFactory):
    """``PERSISTENCE_MODULE=flowledger.infrastructure.storage.postgres.recorder``.

    ``POSTGRES_URL``, or the library's own keys.
    """

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

    def application_recorder(self) -> PostgresRecorder:
        return cast("PostgresRecorder", super().application_recorder())
