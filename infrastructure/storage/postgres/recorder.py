"""The recorder on PostgreSQL: one prepared statement a commit, no table lock, and no event missed.

A position is the number of the writing transaction (plus what its cluster adds, see sql/postgres/0002_epochs.sql),
shifted, plus the event's place in that transaction. A reader of the log stops before the oldest transaction that still
runs, so no event can later appear at a lower position. Hence positions have gaps, and a writing transaction left open
anywhere in the server holds up readers of the log; readers of a stream never wait.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any, Final

import psycopg
from eventsourcing import postgres as stock
from eventsourcing.persistence import PersistenceError, StoredEvent

from ....domain.lazy import lazy
from ....projections.status.model import PoolUse
from ..errors import RemovalDelayed
from ..eventsourcing.notifications import QueriedNotifications
from ..recorder import LARGE_EVENT, LAST, EventRow
from ..sql import Dialect
from .datastore import PostgresDatastore, migrate
from .index import PostgresIndexRebuild
from .schema import quoted


class PostgresRecorder(QueriedNotifications, stock.PostgresApplicationRecorder):
    """eventsourcing's recorder without table lock, pipeline and NOTIFY; tables in the store's schema."""

    datastore: PostgresDatastore
    dialect: Dialect = "postgres"
    can_guard = True
    reads_places_at_once = True

    def __init__(self, datastore: Any, *, events_table_name: str = "") -> None:  # noqa: ARG002 - the library's name for it
        super().__init__(datastore, events_table_name="flowledger_events")

    @lazy
    def clock(self) -> Callable[[], int]:
        return self.datastore.clock

    def pool_use(self) -> PoolUse:
        return self.datastore.pool_use()

    def set_clock(self) -> None:
        self.datastore.set_clock()

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
        rows = self.datastore.fetch("stream_batch_backwards" if desc else "stream_batch", bounds | whole)
        return [StoredEvent(originator_id, version, type, state) for version, type, state, _ in rows]

    def max_notification_id(self) -> int | None:
        ((position,),) = self.datastore.look("max_position", {})
        return position  # type: ignore[no-any-return]

    def settled_position(self) -> int:
        ((position,),) = self.datastore.look("settled_position", {})
        return int(position)

    def types_parameter(self, topics: Sequence[str]) -> list[str]:
        return list(topics)

    def close(self) -> None:
        self.datastore.close()

    def look(self, query: str, **parameters: Any) -> list[Any]:
        return self.datastore.look(query, parameters)

    def fetch(self, query: str, **parameters: Any) -> list[Any]:
        return self.datastore.fetch(query, parameters)

    def rows_at(self, places: Sequence[tuple[str, int]]) -> Sequence[EventRow]:
        if len(places) == 1:
            return super().rows_at(places)  # a simpler statement takes half of the time
        streams, versions = [stream for stream, _ in places], [version for _, version in places]
        found = self.fetch("rows_at", streams=streams, versions=versions, large=LARGE_EVENT)
        return list(map(EventRow._make, found))

    def index_rebuild(self) -> PostgresIndexRebuild:
        return PostgresIndexRebuild(self.datastore)

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        return self.datastore.query(convert_parameters(sql), parameters)

    def change(self, sql: str, parameters: Mapping[str, Any]) -> None:
        self.query(sql, parameters)

    scrubs = "its row is overwritten and deleted, and the table is written anew without dead rows (VACUUM FULL)"

    def scrub(self, table: str) -> str:
        """Raises OperationalError where this user doesn't own the table, and may not do it."""
        with self.datastore.connection() as connection:
            notices: list[str] = []
            connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
            connection.execute(f"VACUUM (FULL) {quoted(self.datastore.store_schema)}.{table}".encode())
        return self.scrubs if not notices else f"its row is overwritten and deleted; dead rows are left: {notices[0]}"

    @contextmanager
    def removal(self) -> Generator[tuple[object, Callable[[str, Mapping[str, Any]], list[Any]]]]:
        try:
            with self.datastore.statements() as (connection, execute):
                execute(_SHORT_WAITS, {})
                yield connection, lambda sql, parameters: execute(convert_parameters(sql), parameters)
        except PersistenceError as error:
            if isinstance(error.__cause__, _MEANWHILE):
                raise RemovalDelayed(str(error)) from error
            raise

    def return_space(self, give_way: Callable[[], object]) -> int:  # noqa: ARG002 - VACUUM is one step
        """Vacuum: what lies at the end of the table goes back to the disk, and all else to what is appended next."""
        before = self._table_bytes()
        with self.datastore.connection() as connection:
            connection.execute(f"VACUUM {self._events}".encode())
        return max(0, before - self._table_bytes())

    @property
    def _events(self) -> str:
        return f"{quoted(self.datastore.store_schema)}.flowledger_events"

    def _table_bytes(self) -> int:
        ((found,),) = self.query("SELECT pg_total_relation_size(CAST(:events AS regclass))", {"events": self._events})
        return int(found)

    def locked(self, sql: str, parameters: Mapping[str, Any]) -> AbstractContextManager[list[Any]]:
        return self.datastore.locked(convert_parameters(sql), parameters)

    def list_parameter(self, values: Sequence[str] | Sequence[int]) -> object:
        return list(values)


_MEANWHILE: Final = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.RestrictViolation,  # by the trigger: an event came to one of the streams behind what was looked at
)
"""What others do keeps a removal from going on."""

_SHORT_WAITS: Final = "SELECT set_config('lock_timeout', '300ms', TRUE)"
"""Who waits for a table holds up all writers behind it."""


@lru_cache(500)
def convert_parameters(sql: str) -> str:
    """The statement with its ``:name`` parameters in the driver's form."""
    return _PARAMETER.sub(r"%(\1)s", sql)


_PARAMETER = re.compile(r"(?<!:):([a-z_0-9]+)")
