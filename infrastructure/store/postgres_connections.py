"""Statements on one PostgreSQL database, errors in eventsourcing's terms, and the schema."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from eventsourcing import postgres as stock
from eventsourcing.persistence import (
    IntegrityError,
    InternalError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
    StoredEvent,
)
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg.types.composite import register_composite

from . import migrations
from .postgres_pool import POOL_SIZE, POOL_TIMEOUT, Connection, ConnectionPool
from .recorder import ConnectionLost
from .sql_files import queries

_MIGRATION_LOCK: Final = 0x464C4C47
_GONE = ("42P01", "42703")
"""A table or a column is gone."""
_CORRUPT = ("XX001", "XX002")
"""Data or an index is corrupted."""

_APPEND = b"flowledger_append"
_APPEND_TYPES = [psycopg.adapters.types[name].oid for name in ("text", "int8", "text", "bytea")]
_SQL = {name: statement.encode() for name, statement in queries("postgres").items()}


class PooledDatastore(stock.PostgresDatastore):
    """eventsourcing's datastore on a pool without threads: the connection used last goes first, broken ones go.

    ``conninfo`` is a URL or a libpq connection string.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        pool_size: int = POOL_SIZE,
        pool_timeout: float = POOL_TIMEOUT,
    ) -> None:
        # The library's own pool is never opened: get_connection below stands in for it.
        super().__init__("", "", "", "", "", originator_id_type="text")
        self._pool = ConnectionPool(conninfo, pool_size, pool_timeout)

    # --- statements ---------------------------------------------------------------------------------------------------

    def execute(self, query: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run one named statement, a transaction by itself, and return its few small rows.

        After ConnectionLost it may have run.
        """
        connection = self._pool.take()
        try:
            return _run(connection.kept_cursor, query, parameters)
        except psycopg.Error as error:
            raise self._translated(error, connection) from error
        finally:
            self._pool.give_back(connection)

    def append(self, event: StoredEvent) -> int:
        """Store one event and return its position. After ConnectionLost it may be stored."""
        connection = self._pool.take()
        try:
            return _append(connection, event)
        except psycopg.Error as error:
            raise self._translated(error, connection) from error
        finally:
            self._pool.give_back(connection)

    def look(self, query: str, parameters: Mapping[str, Any]) -> list[Any]:
        """The few small rows of a named statement that only reads; a connection that broke unnoticed is replaced."""
        try:
            return self.execute(query, parameters)
        except ConnectionLost:
            return self.execute(query, parameters)

    def fetch(self, query: str, parameters: Mapping[str, Any]) -> list[Any]:
        """The same for rows of any size: on a cursor of its own, as a kept one would hold on to them."""
        try:
            with self.connection() as connection:
                return _run(connection.cursor(binary=True), query, parameters)
        except ConnectionLost:
            with self.connection() as connection:
                return _run(connection.cursor(binary=True), query, parameters)

    def execute_all(self, query: str, batches: list[dict[str, Any]]) -> list[Any]:
        """Run a named statement for each batch, all in one transaction, and return the rows of all."""
        with self.connection() as connection, connection.transaction():
            return [row for batch in batches for row in _run(connection.kept_cursor, query, batch)]

    # --- connections --------------------------------------------------------------------------------------------------

    @contextmanager
    def connection(self) -> Generator[Connection]:
        """A connection in autocommit mode, for as long as the block lasts. Raises eventsourcing's errors."""
        connection = self._pool.take()
        try:
            yield connection
        except psycopg.Error as error:
            raise self._translated(error, connection) from error
        finally:
            self._pool.give_back(connection)

    @contextmanager
    def get_connection(self) -> Generator[psycopg.Connection[DictRow]]:
        """For the library's own recorders: rows by column name, composite types registered."""
        with self.connection() as connection:
            for info in self.psycopg_type_adapters.values():
                register_composite(info, connection)
            connection.row_factory = dict_row
            try:
                yield connection
            finally:
                connection.row_factory = tuple_row

    def close(self) -> None:
        if hasattr(self, "_pool"):  # the library closes in __del__, also what was never initialised
            self._pool.close()

    def __enter__(self) -> "PooledDatastore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _translated(self, error: psycopg.Error, connection: Connection) -> PersistenceError:
        if connection.closed:
            self._pool.drop_idle()
            return ConnectionLost(f"the connection to PostgreSQL was lost: {error}")
        if isinstance(error, psycopg.errors.UniqueViolation):
            return IntegrityError(str(error))
        if error.sqlstate in _GONE:
            return ProgrammingError(f"PostgreSQL: {error}")
        if error.sqlstate in _CORRUPT:
            return InternalError(f"PostgreSQL: {error}")
        return OperationalError(f"PostgreSQL: {error}")


def _run(cursor: psycopg.Cursor[Any], query: str, parameters: Mapping[str, Any]) -> list[Any]:
    cursor.execute(_SQL[query], parameters, prepare=True)
    return cursor.fetchall() if cursor.rownumber is not None else []


def _append(connection: Connection, event: StoredEvent) -> int:
    # Straight through libpq: the driver's cursor would add a fifth to the time that the commit takes.
    pgconn = connection.pgconn
    if _APPEND not in connection.prepared:
        _checked(pgconn.prepare(_APPEND, _SQL["append_event"], _APPEND_TYPES), ExecStatus.COMMAND_OK)
        connection.prepared.add(_APPEND)
    stream, type, state = str(event.originator_id).encode(), event.topic.encode(), event.state
    version = event.originator_version.to_bytes(8, "big")
    result = pgconn.exec_prepared(_APPEND, [stream, version, type, state], [Format.BINARY] * 4, Format.BINARY)
    position = _checked(result, ExecStatus.TUPLES_OK).get_value(0, 0)
    return int.from_bytes(position or b"", "big")


def _checked(result: PGresult, wanted: ExecStatus) -> PGresult:
    if result.status != wanted:
        raise psycopg.errors.error_from_result(result, "utf-8")
    return result


def migrate(datastore: PooledDatastore) -> None:
    """Create the tables in the connection's default schema, or bring them up to date; current ones are left alone."""
    with datastore.connection() as connection:
        if migrations.is_current("postgres", _version(connection)):
            return
        try:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
                migrations.apply(
                    "postgres", _version(connection), lambda statement: connection.execute(statement.encode())
                )
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName) as error:
            raise OperationalError(
                "the tables of flowledger are missing or too old, and this user may not change that: "
                f"let an administrator open the store once ({error})"
            ) from error


def has_tables(datastore: PooledDatastore) -> bool:
    """Whether there is a store in the connection's default schema, of whatever version."""
    with datastore.connection() as connection:
        return _version(connection) > 0


def _version(connection: Connection) -> int:
    if connection.execute(_SQL["schema_exists"]).fetchone() is None:
        return 0
    (version,) = connection.execute(_SQL["schema_version"]).fetchone() or (0,)
    return int(version)
