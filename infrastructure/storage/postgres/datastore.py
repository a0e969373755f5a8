"""Statements on one PostgreSQL database, errors in eventsourcing's terms, and the schema."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from eventsourcing import postgres as stock
from eventsourcing.persistence import OperationalError, PersistenceError, StoredEvent
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg.types.composite import register_composite

from ....domain.lazy import lazy
from ....domain.values.clock import SteadyClock
from ....projections.status.model import PoolUse
from .. import migrations
from ..errors import ConnectionLost
from ..sql import queries
from .append import append, begin_epoch, lock_schema, statements_for
from .errors import is_broken, translate_error
from .pool import (
    POOL_SIZE,
    POOL_TIMEOUT,
    Connection,
    ConnectionPool,
    join_pool,
    leave_pool,
    set_clock,
)
from .schema import HOW_TO_MAKE_IT, bound_with_parameters, check_nothing_behind, find_schema, quoted, version_in

_SQL = queries("postgres")

Place = tuple[object, ...]
"""What tells a database from every other: when its server started, and its number there."""


class PostgresDatastore(stock.PostgresDatastore):
    """eventsourcing's datastore on a pool without threads: connections are reused last in, first out.

    ``conninfo`` is a URL or a libpq connection string. Stores whose ``schema`` is named share one pool in a process:
    all statements name the schema, so a connection serves any of them.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        schema: str | None = None,
        pool_size: int = POOL_SIZE,
        pool_timeout: float = POOL_TIMEOUT,
    ) -> None:
        # The library's own pool is never opened: get_connection below stands in for it.
        super().__init__("", "", "", "", "", originator_id_type="text")
        self.conninfo = conninfo
        self.named_schema = schema
        self._key = object()
        if schema is None:
            self._pool = ConnectionPool(conninfo, pool_size, pool_timeout)
        else:
            self._pool = join_pool(conninfo, self._key)
        self._place: Place | None = None

    @property
    def clock(self) -> SteadyClock:
        """The server's clock. Whoever renews a lease sets it again."""
        return self._pool.clock

    def pool_use(self) -> PoolUse:
        """How the pool's connections are used."""
        return self._pool.use()

    def set_clock(self) -> None:
        """Set it now."""
        with self.connection() as connection:
            set_clock(self._pool.clock, connection)

    @lazy
    def store_schema(self) -> str:
        """The schema of the store, determined once so that it stays the same. Raises OperationalError."""
        if self.named_schema is not None:
            return self.named_schema
        with self.connection() as connection:
            return find_schema(connection)

    # --- statements ---------------------------------------------------------------------------------------------------

    def execute(self, query: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run one named statement, a transaction by itself, and return its few small rows.

        After ConnectionLost it may have run.
        """
        sql = bound_with_parameters(_SQL[query], self.store_schema)
        connection = self._pool.acquire()
        try:
            return _run(connection.reused_cursor, sql, parameters)
        except psycopg.Error as error:
            raise self._translate(error, connection) from error
        finally:
            self._pool.release(connection)

    @contextmanager
    def write_transaction(self) -> Generator[Callable[[str, Mapping[str, Any]], list[Any]]]:
        """Runs named statements in one transaction, each of which sees all commits before it (READ COMMITTED)."""
        with self.statements() as (_, execute):
            yield lambda query, given: execute(_SQL[query], given)

    @contextmanager
    def statements(self) -> Generator[tuple[Connection, Callable[[str, Mapping[str, Any]], list[Any]]]]:
        """Such a transaction, its connection, and what runs statements that have no name."""
        schema = self.store_schema
        with self.connection() as connection:
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            with connection.transaction():
                cursor = connection.cursor(binary=True)
                yield connection, lambda sql, given: _run(cursor, bound_with_parameters(sql, schema), given)

    def append(self, events: Sequence[StoredEvent]) -> list[int]:
        """Store the events in one commit and return their positions. After ConnectionLost they may be stored."""
        statements = statements_for(self.store_schema)
        connection = self._pool.acquire()
        try:
            return append(connection, statements, events)
        except psycopg.Error as error:
            raise self._translate(error, connection) from error
        finally:
            self._pool.release(connection)

    def look(self, query: str, parameters: Mapping[str, Any]) -> list[Any]:
        """The few small rows of a named statement that only reads; a broken connection is replaced."""
        try:
            return self.execute(query, parameters)
        except ConnectionLost:
            return self.execute(query, parameters)

    def fetch(self, query: str, parameters: Mapping[str, Any]) -> list[Any]:
        """The same for rows of any size: on a cursor of its own, as a reused one would keep them in memory."""
        return self.query(_SQL[query], parameters)

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """The same for a statement that has no name."""
        statement = bound_with_parameters(sql, self.store_schema)
        try:
            return self._query(statement, parameters)
        except ConnectionLost:
            return self._query(statement, parameters)

    @contextmanager
    def locked(self, sql: str, parameters: Mapping[str, Any]) -> Generator[list[Any]]:
        """The rows of a statement that locks them, in a transaction that ends with the block."""
        statement = bound_with_parameters(sql, self.store_schema)
        with self.connection() as connection, connection.transaction():
            connection.execute(_FOR_FEW_ROWS)
            yield _run(connection.cursor(binary=True), statement, parameters)

    def _query(self, sql: bytes, parameters: Mapping[str, Any]) -> list[Any]:
        with self.connection() as connection:
            return _run(connection.cursor(binary=True), sql, parameters)

    # --- transactions of callers --------------------------------------------------------------------------------------

    def place(self, *, again: bool = False) -> Place:
        """Where its connections lead; ``again``: as it is now, as the server may have been started again."""
        if self._place is None or again:
            with self.connection() as connection:
                self._place = place_of(connection)
        return self._place

    def begin_epoch(self) -> None:
        """Begin an epoch, if one must begin, in a transaction by itself."""
        with self.connection() as connection:
            begin_epoch(connection, statements_for(self.store_schema))

    # --- connections --------------------------------------------------------------------------------------------------

    @contextmanager
    def connection(self) -> Generator[Connection]:
        """A connection in autocommit mode, for as long as the block lasts. Raises eventsourcing's errors."""
        connection = self._pool.acquire()
        try:
            yield connection
        except psycopg.Error as error:
            raise self._translate(error, connection) from error
        finally:
            self._pool.release(connection)

    @contextmanager
    def get_connection(self) -> Generator[psycopg.Connection[DictRow]]:
        """For the library's own recorders: rows by column name, with composite types registered."""
        with self.connection() as connection:
            for info in self.psycopg_type_adapters.values():
                register_composite(info, connection)
            connection.row_factory = dict_row
            try:
                yield connection
            finally:
                connection.row_factory = tuple_row

    def close(self) -> None:
        if hasattr(self, "_pool"):  # the library closes in __del__, even if __init__ failed
            if self.named_schema is None:
                self._pool.close()
            else:
                leave_pool(self.conninfo, self._key)

    def __enter__(self) -> "PostgresDatastore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _translate(self, error: psycopg.Error, connection: Connection) -> PersistenceError:
        if connection.closed or is_broken(error):
            self._pool.discard_broken(connection)
            return ConnectionLost(f"the connection to PostgreSQL was lost: {error}")
        return translate_error(error)


_FOR_FEW_ROWS: Final = (
    # A few rows of each index are read, whatever the statistics say: these tables may never have been analyzed.
    "SELECT set_config('enable_seqscan', 'off', TRUE), set_config('max_parallel_workers_per_gather', '0', TRUE), "
    "set_config('jit', 'off', TRUE)"
)


def _run(cursor: psycopg.Cursor[Any], sql: bytes, parameters: Mapping[str, Any]) -> list[Any]:
    cursor.execute(sql, parameters, prepare=True)
    return cursor.fetchall() if cursor.rownumber is not None else []


def place_of(connection: Connection) -> Place:
    """Where a connection leads, by one statement."""
    return tuple(*connection.execute(_SQL["server_and_database"].encode()).fetchall())


def migrate(datastore: PostgresDatastore) -> None:
    """Create the tables in the store's schema, or bring them up to date; current ones are left alone."""
    schema = datastore.store_schema
    with datastore.connection() as connection:
        version = version_in(connection, schema)
        if migrations.is_current("postgres", version):
            return
        if datastore.named_schema is None:
            check_nothing_behind(connection, schema)
        try:
            with connection.transaction():
                lock_schema(connection, schema)
                if datastore.named_schema is not None and version == 0:
                    _make_schema(connection, schema)
                # A session's temporary tables come last; by default they would come first.
                connection.execute(f"SET LOCAL search_path = {quoted(schema)}, pg_temp".encode())
                statements = migrations.statements("postgres", version_in(connection, schema))
                if script := "\n".join(statements):  # nothing, where another process was first
                    connection.execute(script.encode())
        except psycopg.errors.InsufficientPrivilege as error:
            raise OperationalError(_explain_missing_rights(version, error)) from error


def _make_schema(connection: Connection, schema: str) -> None:
    """Make the schema if it isn't there: even to ask for it otherwise needs the right to make one."""
    if connection.execute(_SQL["any_schema"].encode(), {"schema": schema}).fetchone() is None:
        connection.execute(f"CREATE SCHEMA {quoted(schema)}".encode())


def _explain_missing_rights(version: int, error: psycopg.Error) -> str:
    missing = f"too old (schema {version}, needed: {migrations.newest('postgres')})" if version else "missing"
    command = f"flowledger schema --after {version}" if version else "flowledger schema"
    return (
        f"the tables of flowledger are {missing}, and this user may not change that: "
        f"{HOW_TO_MAKE_IT.format(command=command)} ({error})"
    )


def has_tables(datastore: PostgresDatastore) -> bool:
    """Whether there is a store in its schema, of whatever version.

    Raises OperationalError where another one may be meant.
    """
    schema = datastore.store_schema
    with datastore.connection() as connection:
        if datastore.named_schema is None:
            check_nothing_behind(connection, schema)
        return version_in(connection, schema) > 0
