"""Rebuilding the index in PostgreSQL while others work, with no more rights than an application has.

Rows go into temporary tables first. Then the index is made equal to them slice by slice: each in a short transaction
for which writers wait, and which writes only rows that differ. Readers never wait. See docs/adr/0027.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from eventsourcing.persistence import OperationalError

from ..index_rebuild import CatchUp, IndexedBatch, IndexRebuild
from ..index_writer import TABLES
from .append import change_index, statements_for
from .datastore import PostgresDatastore
from .pool import Connection
from .schema import quoted

_REBUILD_LOCK: Final = 0x464C4C48
"""The advisory lock of a rebuild, with the name of the schema."""

_LOCK_TIMEOUT: Final = "2s"
"""The longest that writers wait behind a slice that waits for a lock itself."""

_SETTINGS: Final = (
    f"SELECT set_config('lock_timeout', '{_LOCK_TIMEOUT}', TRUE), "
    # Find a slice by its keys, whatever the planner's statistics say: these tables may never have been analyzed.
    "set_config('enable_seqscan', 'off', TRUE)"
)

_TRIES: Final = 20

SLICE: Final = 2_000
"""Rows in a slice. Where every one of them differs, writers wait for about a tenth of a second."""

_KEYS: dict[str, str] = dict(
    zip(TABLES, ("run_id", "work_order_id", "stream, version", "workflow_id", "workflow_id, version"), strict=True)
)

_TEMPORARY: Final = "pg_temp"
"""The schema of this session's temporary tables."""

Key = Sequence[object]


class PostgresIndexRebuild(IndexRebuild):
    """Temporary tables, and the index of a schema that is made equal to them."""

    def __init__(self, datastore: PostgresDatastore) -> None:
        self._datastore = datastore
        self._schema = datastore.store_schema
        self._place = quoted(self._schema).replace("%", "%%")  # as all statements here have parameters
        self._stack = ExitStack()
        self._connection: Connection
        self._events = 0
        self._position = 0

    def __enter__(self) -> Self:
        with self._stack:
            self._connection = connection = self._stack.enter_context(self._datastore.connection())
            if connection.is_behind_pooler:
                raise OperationalError(
                    "rebuilding the index needs a connection to the server itself, not through a pooler"
                )
            lock = (_REBUILD_LOCK, self._schema)
            (is_ours,) = self._execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", lock).fetchone() or (False,)
            if not is_ours:
                raise OperationalError("somebody else rebuilds the index of this store now: wait for that")
            self._stack.callback(self._execute, "SELECT pg_advisory_unlock(%s, hashtext(%s))", lock)
            self._stack.callback(self._drop)
            for table, key in _KEYS.items():
                self._execute(f"CREATE TABLE {_rebuilt(table)} (LIKE {self._live(table)}, PRIMARY KEY ({key}))")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def position(self) -> int:
        return self._position

    def put(self, page: IndexedBatch) -> int:
        tables = page.changes.tables()
        change_index(self._connection, statements_for(_TEMPORARY).index_alone(tables), 0, tables)
        self._events += page.events
        self._position = page.upto
        return self._position

    def swap(self, catch_up: CatchUp, revision: int) -> int:
        for table in TABLES:
            self._execute(f"ANALYZE {_rebuilt(table)}")
        for table in TABLES:
            after: Key | None = None
            while after := self._equal_slice(catch_up, table, after):
                pass
        self._execute(
            f"INSERT INTO {self._place}.flowledger_index (revision) VALUES (%s) "  # noqa: S608 - ours
            "ON CONFLICT ((TRUE)) DO UPDATE SET revision = EXCLUDED.revision",
            (revision,),
        )
        return self._events

    def _equal_slice(self, catch_up: CatchUp, table: str, after: Key | None) -> Key | None:
        """Make the live rows after a key equal to the rebuilt ones, up to the returned key; None: to the end.

        From then on appends keep them equal, as they change rows that are right.
        """
        upto = self._end_of_slice(table, after)
        self._while_writers_wait(catch_up, lambda: self._equal(table, after, upto))
        return upto

    def _while_writers_wait(self, catch_up: CatchUp, action: Callable[[], object]) -> None:
        """Call ``action`` while the rebuilt tables cover all appends."""
        for tries_left in reversed(range(_TRIES)):
            catch_up(settled=True)
            with self._connection.transaction():
                self._execute(_SETTINGS)
                try:
                    self._execute(f"LOCK TABLE {', '.join(map(self._live, TABLES))} IN SHARE ROW EXCLUSIVE MODE")
                except psycopg.errors.LockNotAvailable:
                    if not tries_left:
                        raise
                    raise psycopg.Rollback from None
                catch_up(settled=False)  # no append is running
                action()
                return

    def _equal(self, table: str, after: Key | None, upto: Key | None) -> None:
        key = _KEYS[table]
        kept, made = f"{self._live(table)} AS kept", f"{_rebuilt(table)} AS made"
        kept_slice, bounds = _between(_of("kept", key), after, upto)
        made_slice, _ = _between(_of("made", key), after, upto)
        # Both sides are restricted to the slice, so that neither is scanned as a whole.
        same = f"{made_slice} AND {kept_slice} AND ({_of('kept', key)}) = ({_of('made', key)})"
        differing = f"NOT EXISTS (SELECT 1 FROM {made} WHERE {same} AND ROW(kept.*) IS NOT DISTINCT FROM ROW(made.*))"  # noqa: S608 - ours
        self._execute(f"DELETE FROM {kept} WHERE {kept_slice} AND {differing}", bounds)  # noqa: S608 - ours
        missing = f"SELECT * FROM {made} WHERE {made_slice} AND NOT EXISTS (SELECT 1 FROM {kept} WHERE {same})"  # noqa: S608 - ours
        self._execute(f"INSERT INTO {self._live(table)} {missing}", bounds)

    def _end_of_slice(self, table: str, after: Key | None) -> Key | None:
        """The last key of the next SLICE keys of either table; None where there are no more."""
        key = _KEYS[table]
        slice_, bounds = _between(key, after, None)
        next_keys = " UNION ".join(
            f"(SELECT {key} FROM {place} WHERE {slice_} ORDER BY {key} LIMIT {SLICE})"  # noqa: S608 - ours
            for place in (self._live(table), _rebuilt(table))
        )
        last = f"SELECT {key} FROM ({next_keys}) AS next ORDER BY {key} OFFSET {SLICE - 1} LIMIT 1"  # noqa: S608 - ours
        return self._execute(last, bounds).fetchone()

    def _drop(self) -> None:
        for table in TABLES:
            self._execute(f"DROP TABLE IF EXISTS {_rebuilt(table)}")

    def _live(self, table: str) -> str:
        return f"{self._place}.{table}"

    def _execute(self, statement: str, parameters: Sequence[object] | dict[str, object] = ()) -> psycopg.Cursor[Any]:
        return self._connection.execute(statement.encode(), parameters)


def _rebuilt(table: str) -> str:
    return f"{_TEMPORARY}.{table}"


def _of(table: str, key: str) -> str:
    return ", ".join(f"{table}.{column}" for column in key.split(", "))


def _between(key: str, after: Key | None, upto: Key | None) -> tuple[str, dict[str, object]]:
    """The condition on a key's range, and its parameters."""
    conditions = ["TRUE"]
    parameters: dict[str, object] = {}
    for name, sign, bound in (("after", ">", after), ("upto", "<=", upto)):
        if bound is not None:
            named = {f"{name}_{number}": value for number, value in enumerate(bound)}
            conditions.append(f"({key}) {sign} ({', '.join(f'%({one})s' for one in named)})")
            parameters |= named
    return " AND ".join(conditions), parameters
