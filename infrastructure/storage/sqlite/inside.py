"""A store in an SQLite file inside a transaction of the caller's, on a connection of the sqlite3 module."""

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from eventsourcing.persistence import PersistenceError

from ....domain.errors import InvalidRequest
from ...concurrency.threads import CallingThread, RunsInThread
from ..callers import CallersConnection, refuse_connection
from ..errors import TransactionOutdated
from ..recorder import LedgerRecorder
from .datastore import SQLiteDatastore
from .errors import translate_error
from .file import file_id
from .recorder import SQLiteRecorder

_LEGACY_AUTOCOMMIT = -1
"""How Python 3.12 and later say that ``isolation_level`` counts, which earlier ones know alone."""


class InsideDatastore:
    """Statements through the caller's connection to the file of a store that is open."""

    def __init__(self, outside: SQLiteDatastore, caller: CallersConnection) -> None:
        self.name = outside.name
        self._caller = caller

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        """One writing statement, which has no effect where it fails."""
        with self._cursor() as cursor:
            return cursor.execute(statement, parameters)

    def fetch(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of one reading statement."""
        with self._cursor() as cursor:
            return cursor.execute(statement, parameters).fetchall()

    @contextmanager
    def write_transaction(self) -> Generator[sqlite3.Cursor]:
        """Several statements, which have an effect together, or none."""
        with self._cursor() as cursor:
            cursor.execute("SAVEPOINT flowledger")
            try:
                yield cursor
            except BaseException:
                if cursor.connection.in_transaction:  # some errors, such as a full disk, roll all of it back
                    cursor.execute("ROLLBACK TO flowledger")
                    cursor.execute("RELEASE flowledger")
                raise
            cursor.execute("RELEASE flowledger")

    @contextmanager
    def _cursor(self) -> Generator[sqlite3.Cursor]:
        """A cursor in the caller's transaction, whose rows are tuples with texts, whatever the caller's are."""
        connection = self._caller.driver()
        if not isinstance(connection, sqlite3.Connection):
            raise refuse_connection(connection, "sqlite3's to a store in an SQLite file, also through SQLAlchemy")
        try:
            self._check_place(connection)
            if not connection.in_transaction:
                _begin(connection)
            texts = connection.text_factory
            connection.text_factory = str
            try:
                yield sqlite3.Cursor(connection)
            finally:
                connection.text_factory = texts
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def _check_place(self, connection: sqlite3.Connection) -> None:
        """Raises InvalidRequest where the connection's main file isn't the store's.

        An attached one isn't enough: SQLite commits to several files one after the other.
        """
        files = sqlite3.Cursor(connection).execute("PRAGMA database_list").fetchall()
        (main,) = (_text(file) for _, name, file in files if _text(name) == "main")
        if file_id(main) is None or file_id(main) != file_id(self.name):
            raise InvalidRequest(
                f"this connection's file is {main or 'in memory'}, and the ledger's {self.name}: what is appended must "
                "be committed together with your own rows, so both must be in one file"
            )

    def _translate(self, error: sqlite3.Error) -> PersistenceError:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY_SNAPSHOT:
            return TransactionOutdated(
                f"the SQLite store {self.name}: {error}; others have written since your transaction read first: roll "
                "it back, and do all of it again, in one that begins with BEGIN IMMEDIATE"
            )
        return translate_error(error, self.name)


class InsideRecorder(SQLiteRecorder):
    """The recorder of a store, through the caller's connection."""

    def __init__(self, outside: SQLiteRecorder, caller: CallersConnection) -> None:
        vars(self).update(vars(outside))
        self.datastore = InsideDatastore(outside.datastore, caller)  # type: ignore[assignment]  # as far as it is used


def enter(outside: SQLiteRecorder, caller: CallersConnection, _: RunsInThread) -> tuple[LedgerRecorder, RunsInThread]:
    """The recorder through the caller's connection; async calls on it stay in the thread that it belongs to."""
    return InsideRecorder(outside, caller), CallingThread()


def _begin(connection: sqlite3.Connection) -> None:
    """Begin the transaction that the module would begin with the caller's first write. Raises InvalidRequest."""
    mode = getattr(connection, "autocommit", _LEGACY_AUTOCOMMIT)
    if connection.isolation_level is None or mode != _LEGACY_AUTOCOMMIT:
        raise InvalidRequest(
            "there is no transaction on this connection, as it is in autocommit mode: begin one with BEGIN IMMEDIATE"
        )
    # With the right to write, or it might be refused at the first write, when others have written since.
    sqlite3.Cursor(connection).execute("BEGIN IMMEDIATE")


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")
