"""Connections to one PostgreSQL database: a small pool, errors in eventsourcing's terms, the schema."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Any, Final

import psycopg
from eventsourcing import postgres as stock
from eventsourcing.persistence import IntegrityError, InternalError, OperationalError, PersistenceError
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg.types.composite import register_composite

from . import migrations
from .recorder import ConnectionLost
from .sql_files import queries

POOL_SIZE = 10
"""Connections at most; further threads wait for one."""

POOL_TIMEOUT = 30.0
"""Seconds that a thread waits for a connection."""

CONNECT_TIMEOUT = 10
"""Seconds to reach the server, unless the URL says otherwise."""

_MIGRATION_LOCK: Final = 0x464C4C47
_CORRUPT = ("42P01", "42703", "XX001", "XX002")
"""Table or column gone, data or index corrupted."""

_SQL = queries("postgres")
_INHERITED: list[object] = []
"""Connections of a parent process, which a forked child must neither use nor close."""

Connection = psycopg.Connection[Any]


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
        self._conninfo = conninfo
        self._pool_size = pool_size
        self._pool_timeout = pool_timeout
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = Lock()
        self._slots = BoundedSemaphore(self._pool_size)
        self._idle: list[Connection] = []
        self._closed = False

    # --- statements ---------------------------------------------------------------------------------------------------

    def execute(self, query: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run one named statement, a transaction by itself; returns its rows. After ConnectionLost it may have run."""
        with self.connection() as connection:
            return _run(connection, query, parameters)

    def fetch(self, query: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run one named statement that only reads; a connection that broke while it was idle is replaced unnoticed."""
        try:
            return self.execute(query, parameters)
        except ConnectionLost:
            return self.execute(query, parameters)

    def execute_all(self, query: str, batches: list[dict[str, Any]]) -> list[Any]:
        """Run a named statement for each batch, all in one transaction, and return the rows of all."""
        with self.connection() as connection, connection.transaction():
            return [row for batch in batches for row in _run(connection, query, batch)]

    # --- connections --------------------------------------------------------------------------------------------------

    @contextmanager
    def connection(self) -> Generator[Connection]:
        """A connection in autocommit mode, for as long as the block lasts. Raises eventsourcing's errors."""
        if self._process != os.getpid():
            _INHERITED.append(self._idle)
            self._start()
        if not self._slots.acquire(timeout=self._pool_timeout):
            raise OperationalError(
                f"no connection came free in {self._pool_timeout:g} s: all {self._pool_size} of the pool are in use"
            )
        try:
            connection = self._take()
            try:
                yield connection
            except psycopg.Error as error:
                raise self._translated(error, connection) from error
            finally:
                self._give_back(connection)
        finally:
            self._slots.release()

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
        if not hasattr(self, "_idle"):
            return  # the library closes in __del__, also what was never initialised
        with self._lock:
            self._closed = True
        self._drop_idle()

    def __enter__(self) -> "PooledDatastore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self) -> Connection:
        with self._lock:
            if self._closed:
                raise OperationalError("the PostgreSQL store is closed")
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if not self._closed and connection.pgconn.transaction_status == TransactionStatus.IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _drop_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _connect(self) -> Connection:
        try:
            return psycopg.connect(self._conninfo, autocommit=True, **self._defaults())
        except psycopg.Error as error:
            raise OperationalError(f"PostgreSQL can't be reached: {self._without_password(str(error))}") from None

    def _defaults(self) -> dict[str, Any]:
        given = conninfo_to_dict(self._conninfo)
        defaults = {"connect_timeout": CONNECT_TIMEOUT, "application_name": "flowledger", "client_encoding": "utf8"}
        return {key: value for key, value in defaults.items() if not given.get(key)}

    def _without_password(self, text: str) -> str:
        password = str(conninfo_to_dict(self._conninfo).get("password") or "")
        return text.replace(password, "***") if password else text

    def _translated(self, error: psycopg.Error, connection: Connection) -> PersistenceError:
        if connection.closed:
            self._drop_idle()  # when the server went, it went for all of them
            return ConnectionLost(f"the connection to PostgreSQL was lost: {error}")
        if isinstance(error, psycopg.errors.UniqueViolation):
            return IntegrityError(str(error))
        if error.sqlstate in _CORRUPT:
            return InternalError(f"PostgreSQL: {error}")
        return OperationalError(f"PostgreSQL: {error}")


def _run(connection: Connection, query: str, parameters: Mapping[str, Any]) -> list[Any]:
    cursor = connection.cursor(binary=True)
    cursor.execute(_SQL[query].encode(), parameters, prepare=True)
    return cursor.fetchall() if cursor.description else []


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
        except psycopg.errors.InsufficientPrivilege as error:
            raise OperationalError(
                "the tables of flowledger are missing or too old, and this user may not change that: "
                f"let an administrator open the store once ({error})"
            ) from error


def _version(connection: Connection) -> int:
    found = connection.execute("SELECT to_regclass('flowledger_schema')").fetchone()
    if found is None or found[0] is None:
        return 0
    (version,) = connection.execute(_SQL["schema_version"].encode()).fetchone() or (0,)
    return int(version)
