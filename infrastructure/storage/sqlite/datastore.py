"""Connections to one SQLite file: one per thread, one writer at a time, errors in eventsourcing's terms."""

import os
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from threading import Lock, RLock, Thread, current_thread, local
from time import monotonic
from typing import Any
from urllib.parse import quote

from eventsourcing import sqlite as stock
from eventsourcing.persistence import (
    InterfaceError,
    OperationalError,
)

from ...concurrency.forking import handle_missed_fork, register_for_forks
from ..errors import ConnectionLost
from .errors import translate_error
from .file import FileId, file_id, is_on_read_only_disk, missing_right
from .search import register_functions

LOCK_TIMEOUT = 10
"""Seconds to wait for a writer in another process."""

CHECK_EVERY = 0.01
"""Seconds between two checks by readers that the file is still the one at its path; writers check at each commit."""

FORK_TIMEOUT = 30
"""Seconds that a fork waits for running statements; if they take longer, the child can't use the store."""

_INHERITED: list[object] = []
"""Connections that a child inherited. It must neither use nor close them."""

_UNSAFE: set[FileId] = set()
"""Files on which this process's SQLite believes to hold locks that only the parent holds."""


class Connection(sqlite3.Connection):
    """A connection with a lock for its use: closing it under a running statement would crash the interpreter."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.in_use = RLock()
        self.is_open = True
        """Other threads close it only under ``in_use``; check it after taking that lock."""

    def close(self) -> None:
        self.is_open = False
        super().close()


class SQLiteDatastore(stock.SQLiteDatastore):
    """eventsourcing's datastore with one connection for each thread.

    ``db_name`` is a path or a ``file:`` URI. Connections of threads that ended are closed when the next one is opened.

    Before the process forks all connections are closed, as a child's copy of SQLite would believe in locks that it
    doesn't hold; parent and child open new ones. Where that is impossible, because the thread that forks is in a
    transaction itself, the child can't use the store.
    """

    def __init__(self, db_name: str, *, lock_timeout: int | None = None, single_row_tracking: bool = True) -> None:
        super().__init__(db_name, single_row_tracking=single_row_tracking, originator_id_type="text")
        self.name = db_name
        self._uri = db_name if db_name.startswith("file:") else f"file:{quote(db_name)}"
        self._lock_timeout = LOCK_TIMEOUT if lock_timeout is None else lock_timeout
        self._file: FileId | None = None
        """The file that is open, where it has a path; another may take its place."""
        self._check_again_at = 0.0
        self._closed = False
        self._start()
        register_for_forks(self)

    def _start(self) -> None:
        self._lock = Lock()
        # Writers of this process queue here: SQLite's own lock makes them poll, and starves some.
        self._write_lock = RLock()
        self.lot_lock = Lock()
        """For those in this process who look for runs to take."""
        self._local = local()
        self._connections: dict[Thread, Connection] = {}
        self._quiesced: ExitStack | None = None

    def connection(self) -> Connection:
        """This thread's connection, in autocommit mode."""
        handle_missed_fork()
        connection: Connection | None = getattr(self._local, "connection", None)
        return connection or self._open()

    @contextmanager
    def errors(self) -> Generator[None]:
        """Translate the driver's errors into eventsourcing's."""
        try:
            yield
        except sqlite3.Error as error:
            raise translate_error(error, self.name) from error

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        """One writing statement, a durable transaction by itself: the cheapest.

        Raises ConnectionLost when another file had taken the place of the one that was written to.
        """
        try:
            while True:
                connection = self.connection()
                with self._write_lock, connection.in_use:
                    if connection.is_open:
                        cursor = connection.execute(statement, parameters)
                        break
        except sqlite3.Error as error:
            raise translate_error(error, self.name) from error
        self._check_place()
        return cursor

    def fetch(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of one reading statement.

        An open cursor would keep an old view of the file, and this thread's next write would fail on it.
        """
        try:
            while True:
                connection = self.connection()
                with connection.in_use:
                    if connection.is_open:
                        rows = connection.execute(statement, parameters).fetchall()
                        now = monotonic()
                        if now < self._check_again_at or connection.in_transaction:
                            return rows
                        if self._is_in_place():
                            self._check_again_at = now + CHECK_EVERY
                            return rows
                self._leave_file()
        except sqlite3.Error as error:
            raise translate_error(error, self.name) from error

    @contextmanager
    def write_transaction(self) -> Generator[Connection]:
        """One durable transaction of several statements. Raises ConnectionLost as ``execute`` does."""
        with self.errors():
            with self._write_lock, self.connection_in_use() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.rollback()
            self._check_place()

    def give_back_pages(self, most: int) -> None:
        """Cut free pages off the file, at most so many; none where it was made without a list of who uses which."""
        with self.errors(), self._write_lock, self.connection_in_use() as connection:
            # A cursor would take one step, and so free one page: the statement has no rows.
            connection.executescript(f"PRAGMA incremental_vacuum({most:d})")

    def empty_log(self) -> bool:
        """Bring all that is in the write-ahead log into the file, and cut it to nothing. False where others read it."""
        with self.errors(), self._write_lock, self.connection_in_use() as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy

    @contextmanager
    def get_connection(self, *, commit: bool) -> Generator[stock.SQLiteConnection]:
        """For the library's own recorders."""
        with self.errors(), self._write_lock if commit else nullcontext(), self.connection_in_use() as connection:
            yield _LibraryConnection(connection, None)

    def close(self) -> None:
        if not hasattr(self, "_lock"):
            return  # the library closes in __del__, even if __init__ failed
        with self._lock:
            self._closed = True
            self._close_connections()

    @contextmanager
    def connection_in_use(self) -> Generator[Connection]:
        """This thread's connection, which no other thread closes during the block."""
        while True:
            connection = self.connection()
            with connection.in_use:
                if connection.is_open:
                    yield connection
                    return

    def _open(self) -> Connection:
        with self._lock:
            if self._closed:
                raise InterfaceError(f"the SQLite store {self.name} is closed")
            for thread in [thread for thread in self._connections if not thread.is_alive()]:
                self._connections.pop(thread).close()
            self._check_safe()
            if not self._is_in_place():
                self._close_replaced()
            connection = self._connect_in_place()
            self._connections[current_thread()] = connection
        self._local.connection = connection
        return connection

    def _connect_in_place(self) -> Connection:
        """A connection to a known file: another may take its place at any moment."""
        while True:
            before = file_id(self.name)
            connection = self._connect_or_explain()
            now = file_id(self.name)
            if before in (None, now):
                self._file = now
                return connection
            connection.close()

    def _connect_or_explain(self) -> Connection:
        try:
            return self._connect(self._uri)
        except sqlite3.OperationalError as error:
            if not self._is_refused(error):
                raise
            path = Path(self.name)
            if not is_on_read_only_disk(path) or path.with_name(f"{path.name}-wal").exists():
                raise OperationalError(self._rights_missing(error)) from error
            # SQLite must be told that nobody can write to it, as it can't make the files that go with a log.
            return self._connect(f"{self._uri}?immutable=1")

    def _connect(self, uri: str) -> Connection:
        # Other threads only close it, when its own has ended or the store is closed.
        connection = sqlite3.connect(
            uri, timeout=self._lock_timeout, isolation_level=None, check_same_thread=False, factory=Connection, uri=True
        )
        try:
            register_functions(connection)
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _close_connections(self) -> None:
        """Called under ``_lock``. Waits for running statements."""
        for connection in self._connections.values():
            with connection.in_use:
                connection.close()
        self._connections.clear()
        self._local = local()

    # --- the file -----------------------------------------------------------------------------------------------------

    def _is_in_place(self) -> bool:
        """Whether the path still leads to the file that is open."""
        return self._file is None or file_id(self.name) == self._file

    def _check_place(self) -> None:
        """After a commit: one to a file that was moved or deleted is lost to other processes."""
        if not self._is_in_place():
            self._leave_file()
            raise ConnectionLost(
                f"the SQLite store {self.name}: the file was replaced or removed while it was in use; what was written "
                "to it last may not be in the one that is there now. Stop the processes that use a store before you "
                "put another file in its place"
            )

    def _leave_file(self) -> None:
        """Close all connections if their file was replaced; the next ones open the new file."""
        with self._lock:
            if not self._is_in_place():
                self._close_replaced()

    def _close_replaced(self) -> None:
        self._close_connections()
        if file_id(self.name) is None:
            raise OperationalError(f"the SQLite store {self.name}: the file is gone; restore it from a backup")
        if Path(f"{self.name}-wal").exists():
            # SQLite would take it for the log of the file that is there now, and write the old pages into that.
            raise OperationalError(
                f"the SQLite store {self.name}: another file was put in its place while it was in use, and the log of "
                f"the old one still lies beside it, as {self.name}-wal: stop all processes that use the store, delete "
                "that log and the -shm file if they are older than the new file, and start again"
            )
        self._file = None

    def _is_refused(self, error: sqlite3.OperationalError) -> bool:
        code = error.sqlite_errorcode & 0xFF
        return code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) and Path(self.name).is_file()

    def _rights_missing(self, error: sqlite3.OperationalError) -> str:
        path = Path(self.name)
        if not os.access(path, os.R_OK):
            return f"the SQLite store {path}: {error}; this user may not read the file"
        return (
            f"the SQLite store {path}: {error}; this user may not write to {missing_right(path)}, and SQLite keeps "
            "its log and its locks in files beside the store, also for who only reads: give the right to write there, "
            "or read a copy made by `flowledger backup`"
        )

    # --- forks --------------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Wait for running statements, and close all connections; locks are held until the fork is over."""
        with ExitStack() as stack:
            for lock in (self._write_lock, self._lock):
                if not lock.acquire(timeout=FORK_TIMEOUT):
                    return
                stack.callback(lock.release)
            for connection in self._connections.values():
                if not connection.in_use.acquire(timeout=FORK_TIMEOUT):
                    return
                stack.callback(connection.in_use.release)
                if connection.in_transaction:
                    return  # this thread's own: no other thread is in one, as that needs the write lock
            self._close_connections()
            self._quiesced = stack.pop_all()

    def after_fork_in_parent(self) -> None:
        quiesced, self._quiesced = self._quiesced, None
        if quiesced is not None:
            quiesced.close()

    def after_fork_in_child(self) -> None:
        if self._connections:
            _INHERITED.append(self._connections)
            if self._file is not None:
                _UNSAFE.add(self._file)
        if self._quiesced is not None:
            self._quiesced.pop_all()  # the locks are the parent's
        self._start()

    def _check_safe(self) -> None:
        if _UNSAFE and file_id(self.name) in _UNSAFE:
            raise OperationalError(
                f"the SQLite store {self.name}: this process was forked while its parent was writing to the store, so "
                "its SQLite has a wrong record of who holds which lock. Start it with the method spawn or forkserver "
                "instead of fork, or fork outside of transactions and callbacks of the store"
            )


class _LibraryConnection(stock.SQLiteConnection):
    """The library reads columns by name."""

    def cursor(self) -> stock.SQLiteCursor:
        cursor = self._sqlite_conn.cursor()
        cursor.row_factory = sqlite3.Row
        return stock.SQLiteCursor(cursor)
