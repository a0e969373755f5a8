"""Connections to one SQLite file: one per thread, one writer at a time, errors in eventsourcing's terms."""

import os
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock, RLock, Thread, current_thread, local
from typing import Any, Final
from urllib.parse import quote

from eventsourcing import sqlite as stock
from eventsourcing.persistence import IntegrityError, InterfaceError, InternalError, OperationalError, PersistenceError

from ..search.sqlite import prepare
from . import migrations
from .sql_files import queries

LOCK_TIMEOUT = 10
"""Seconds to wait for a writer in another process."""

APPLICATION_ID: Final = 0x464C4C47  # "FLLG"
"""Marks a file as ours, in its header."""

_INHERITED: list[object] = []
"""Connections of a parent process. A forked child must neither use nor close them: closing drops the parent's locks."""

_HINTS = {
    sqlite3.SQLITE_BUSY: "another process has held the write lock for too long",
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_READONLY: "the file or its disk is read-only",
    sqlite3.SQLITE_CANTOPEN: "check that its folder exists and may be written to",
}
_CORRUPT = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR}
"""The last one is what a missing table gives: our statements have no other way to be wrong."""


class Connection(sqlite3.Connection):
    """A connection that says when it is in use: closing it under a running statement would crash the interpreter."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.in_use = RLock()


class ThreadBoundDatastore(stock.SQLiteDatastore):
    """eventsourcing's datastore on connections that stay with their thread, so that none is handed to another.

    ``db_name`` is a path or a ``file:`` URI. Connections of threads that ended are closed when the next thread comes.
    """

    def __init__(self, db_name: str, *, lock_timeout: int | None = None, single_row_tracking: bool = True) -> None:
        super().__init__(db_name, single_row_tracking=single_row_tracking, originator_id_type="text")
        self.name = db_name
        self._uri = db_name if db_name.startswith("file:") else f"file:{quote(db_name)}"
        self._lock_timeout = LOCK_TIMEOUT if lock_timeout is None else lock_timeout
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = Lock()
        # Writers of this process queue here: SQLite's own lock makes them poll, and starves the unlucky.
        self._write_lock = Lock()
        self._local = local()
        self._connections: dict[Thread, Connection] = {}
        self._closed = False

    def connection(self) -> Connection:
        """This thread's connection, in autocommit mode."""
        if self._process != os.getpid():
            _INHERITED.append(self._connections)
            self._start()
        connection: Connection | None = getattr(self._local, "connection", None)
        return connection or self._open()

    @contextmanager
    def errors(self) -> Generator[None]:
        """Raises eventsourcing's errors instead of the driver's."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        """One writing statement: a durable transaction by itself, the cheapest that there is."""
        try:
            connection = self.connection()
            with self._write_lock, connection.in_use:
                return connection.execute(statement, parameters)
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def fetch(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of one reading statement.

        An open cursor would keep an old view of the file, and this thread's next write would fail on it.
        """
        try:
            connection = self.connection()
            with connection.in_use:
                return connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._translated(error) from error

    @contextmanager
    def transaction_of_several(self) -> Generator[Connection]:
        """One durable transaction round several statements."""
        with self.errors():
            connection = self.connection()
            with self._write_lock, connection.in_use:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.rollback()

    @contextmanager
    def get_connection(self, *, commit: bool) -> Generator[stock.SQLiteConnection]:
        """For the library's own recorders."""
        with self.errors():
            connection = self.connection()
            with self._write_lock if commit else nullcontext(), connection.in_use:
                yield _LibraryConnection(connection, None)

    def close(self) -> None:
        if not hasattr(self, "_lock"):
            return  # the library closes in __del__, also what was never initialised
        with self._lock:
            self._closed = True
            for connection in self._connections.values():
                with connection.in_use:
                    connection.close()
            self._connections.clear()

    def _open(self) -> Connection:
        with self._lock:
            if self._closed:
                raise InterfaceError(f"the SQLite store {self.name} is closed")
            for thread in [thread for thread in self._connections if not thread.is_alive()]:
                self._connections.pop(thread).close()
            try:
                connection = self._connect(self._uri)
            except sqlite3.OperationalError as error:
                if not self._is_on_read_only_disk(error):
                    raise
                connection = self._connect(f"{self._uri}?immutable=1")
            self._connections[current_thread()] = connection
        self._local.connection = connection
        return connection

    def _connect(self, uri: str) -> Connection:
        # Other threads only ever close it, when its own has ended or the store is closed.
        connection = sqlite3.connect(
            uri, timeout=self._lock_timeout, isolation_level=None, check_same_thread=False, factory=Connection, uri=True
        )
        try:
            prepare(connection)
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _is_on_read_only_disk(self, error: sqlite3.OperationalError) -> bool:
        # Then SQLite can't make the files that go with a write-ahead log, and must be told that nobody writes. Where
        # there is a log, its events would be passed over.
        path = Path(self.name)
        return (
            error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
            and path.is_file()
            and not os.access(path.parent, os.W_OK)
            and not path.with_name(f"{path.name}-wal").exists()
        )

    def _translated(self, error: sqlite3.Error) -> PersistenceError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        text = f"the SQLite store {self.name}: {error}"
        if isinstance(error, sqlite3.IntegrityError):
            return IntegrityError(text)
        if code in _CORRUPT:
            return InternalError(text)
        hint = _HINTS.get(code)
        return OperationalError(f"{text}; {hint}" if hint else text)


class _LibraryConnection(stock.SQLiteConnection):
    """The library reads columns by name."""

    def cursor(self) -> stock.SQLiteCursor:
        cursor = self._sqlite_conn.cursor()
        cursor.row_factory = sqlite3.Row
        return stock.SQLiteCursor(cursor)


def migrate(datastore: ThreadBoundDatastore) -> None:
    """Make the file a store of ours, or bring it up to date; a current one is not written to.

    Raises InternalError, and leaves the file alone, when it is something else.
    """
    with datastore.errors():
        connection = datastore.connection()
        if migrations.is_current("sqlite", _version(datastore, connection)):
            return
        _use_write_ahead_log(connection)
    with datastore.transaction_of_several() as connection:
        migrations.apply("sqlite", _version(datastore, connection), connection.execute)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _version(datastore: ThreadBoundDatastore, connection: sqlite3.Connection) -> int:
    # In this order: the mark is committed together with the tables, and another process may do so in between.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    if mark == APPLICATION_ID:
        (version,) = connection.execute(queries("sqlite")["schema_version"]).fetchone()
        return int(version)
    if mark or tables:
        raise InternalError(f"{datastore.name} is an SQLite file of another application; it was left as it is")
    return 0


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # The switch needs the file for itself and doesn't wait for it; a write lock does, and its holder is done switching.
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
