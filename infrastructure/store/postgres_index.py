"""Making the index anew in PostgreSQL, while others go on."""

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import psycopg
from eventsourcing.persistence import OperationalError

from ...projections.index import Changes
from .indexing import TABLES, beside
from .postgres_append import change_index, index_statement
from .postgres_connections import PooledDatastore
from .postgres_pool import Connection
from .recorder import CatchUp, Rebuilding
from .sql_files import index_tables, queries

_SQL = queries("postgres")

_REBUILD_LOCK = 0x464C4C48
"""The advisory lock of who rebuilds."""

_LOCK_TIMEOUT = "2s"
"""For as long at most writers wait behind a swap that waits for others itself."""

_TRIES = 20


class PostgresRebuilding(Rebuilding):
    """Rows go into bare tables first; their indexes are made before the swap, which then only renames."""

    def __init__(self, datastore: PooledDatastore) -> None:
        self._datastore = datastore
        self._stack = ExitStack()
        self._connection: Connection

    def __enter__(self) -> Self:
        with self._stack:
            self._connection = connection = self._stack.enter_context(self._datastore.connection())
            if connection.is_pooled:
                raise OperationalError(
                    "rebuilding the index needs a connection to the server itself, not through a pooler"
                )
            (is_ours,) = self._execute(f"SELECT pg_try_advisory_lock({_REBUILD_LOCK})").fetchone() or (False,)
            if not is_ours:
                raise OperationalError("somebody else rebuilds the index of this store now: wait for that")
            self._stack.callback(self._execute, f"SELECT pg_advisory_unlock({_REBUILD_LOCK})")
            self._drop()
            self._stack.callback(self._drop)
            for statement in index_tables("postgres"):
                if "CREATE TABLE" in statement:
                    self._execute(beside(statement))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def put(self, changes: Changes) -> None:
        tables = changes.tables()
        if tables:
            change_index(self._connection, beside(index_statement(tables).decode()).encode(), 0, tables)

    def swap(self, catch_up: CatchUp, revision: int) -> None:
        for statement in index_tables("postgres"):
            if "CREATE INDEX" in statement:
                self._execute(beside(statement))
        for table in TABLES:
            self._execute(f"ANALYZE {beside(table)}")
        for tries_left in reversed(range(_TRIES)):
            catch_up(settled=True)
            try:
                with self._connection.transaction():
                    self._execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                    self._execute(f"LOCK TABLE {', '.join(TABLES)} IN ACCESS EXCLUSIVE MODE")
                    catch_up(settled=False)  # none is under way
                    for table in TABLES:
                        self._replace(table)
                    self._connection.execute(b"UPDATE flowledger_index SET revision = %s", (revision,))
                return
            except psycopg.errors.LockNotAvailable:
                if not tries_left:
                    raise

    def _replace(self, table: str) -> None:
        """The new table takes the name, the owner and the rights of the old one, its indexes theirs."""
        ((owner,),) = self._look("table_owner", table)
        rights = self._look("table_rights", table)
        self._execute(f"DROP TABLE {table}")
        self._execute(f"ALTER TABLE {beside(table)} RENAME TO {table}")
        for (name,) in self._look("table_indexes", table):
            self._execute(f"ALTER INDEX {name} RENAME TO {table}{name.removeprefix(beside(table))}")
        for privileges, grantee in rights:
            self._execute(f"GRANT {privileges} ON {table} TO {grantee}")
        self._execute(f"ALTER TABLE {table} OWNER TO {owner}")

    def _drop(self) -> None:
        for table in TABLES:
            self._execute(f"DROP TABLE IF EXISTS {beside(table)}")

    def _look(self, query: str, table: str) -> list[Any]:
        return self._connection.execute(_SQL[query].encode(), {"table": table}).fetchall()

    def _execute(self, statement: str) -> psycopg.Cursor[Any]:
        return self._connection.execute(statement.encode())
