"""A bounded pool of PostgreSQL connections, without threads of its own; last in, first out."""

import os
from threading import Condition
from time import monotonic
from typing import Any

import psycopg
from eventsourcing.persistence import OperationalError
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from ....domain.lazy import lazy
from ....domain.locks import lock_of
from ....domain.values.clock import SteadyClock
from ....projections.status.model import PoolUse
from ...concurrency.forking import ResetOnFork, handle_missed_fork, register_for_forks
from ..credentials import redact_secrets
from .errors import unreachable

POOL_SIZE = 10
"""Connections at most; further threads wait for one."""

POOL_TIMEOUT = 30.0
"""Seconds that a thread waits for a connection."""

CONNECT_TIMEOUT = 10
"""Seconds to reach the server, unless the URL says otherwise."""

_INHERITED: list[object] = []
"""Connections that a child inherited. It must neither use nor close them."""

_DEFAULTS = {
    "connect_timeout": CONNECT_TIMEOUT,
    "application_name": "flowledger",
    "client_encoding": "utf8",
    # A server that vanished silently is noticed within a minute.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


class Connection(psycopg.Connection[Any]):
    """A connection with a reused cursor, as making one costs a tenth of an append, and its prepared statements."""

    is_behind_pooler = False
    """Whether a pooler is in front of the server. It may pass each transaction to another session, or even server, so
    nothing that was prepared or read there holds for the next one."""

    era = 0
    """The pool's era when it was opened; see ``ConnectionPool``."""

    process = 0
    """The id of the process that opened it."""

    @lazy
    def added(self) -> dict[str, int]:
        """By schema: the offset that appends add to the number of their transaction, once it was read."""
        return {}

    @lazy
    def reused_cursor(self) -> psycopg.Cursor[Any]:
        return self.cursor(binary=True)

    @lazy
    def prepared(self) -> dict[bytes, None]:
        """The names of statements of ours that are prepared, the oldest first."""
        return {}


class ConnectionPool(ResetOnFork):
    """Connections in autocommit mode: ``acquire`` one, and ``release`` it in any state.

    When one is found broken, a new era begins, and older connections are closed before reuse: the server may have gone
    for all of them.
    """

    def __init__(self, conninfo: str, size: int = POOL_SIZE, timeout: float = POOL_TIMEOUT) -> None:
        self._conninfo = conninfo
        self._size = self._kept = size
        self._timeout = timeout
        self._closed = False
        self.clock = SteadyClock()
        """The server's, as it was when a connection was opened last."""
        self._era = 0
        self._start()
        register_for_forks(self)

    def _start(self) -> None:
        self._process = os.getpid()
        # Lists pop and append atomically, so the usual path takes no lock; only a caller that finds none idle does.
        self._idle: list[Connection] = []
        self._free = Condition()
        self._open = 0
        self._waiting = 0

    def resize(self, size: int) -> None:
        """Open at most so many from now on. Those beyond the size that it began with are closed when nobody waits."""
        self._size = size

    def acquire(self) -> Connection:
        """An idle or new connection. Raises OperationalError when none comes free in time or the server is away."""
        handle_missed_fork()
        return self._pop() or self._free_or_new()

    def use(self) -> PoolUse:
        """How many of its connections are used, and who waits for one; at about the same moment."""
        return PoolUse(self._size, max(0, self._open - len(self._idle)), self._waiting)

    def release(self, connection: Connection) -> None:
        """Keep the connection for the next caller, unless it is broken, in a transaction, or one too many."""
        if connection.process != self._process:
            keep_inherited(connection)
            return
        if connection.era != self._era or connection.pgconn.transaction_status != TransactionStatus.IDLE:
            self._close(connection)
            return
        if len(self._idle) >= self._kept and not self._waiting:
            self._close(connection)
            return
        self._idle.append(connection)
        if self._closed:
            self.drop_idle()
        elif self._waiting:
            with self._free:
                self._free.notify()

    def discard_broken(self, connection: Connection) -> None:
        """Close a broken connection now, and those of its era before they are used again."""
        connection.close()
        if connection.era == self._era:
            self._era += 1
        self.drop_idle()

    def close(self) -> None:
        """Close idle connections now, and those in use when they are released."""
        self._closed = True
        self.drop_idle()

    def after_fork_in_child(self) -> None:
        keep_inherited(self._idle)
        self._start()

    def drop_idle(self) -> None:
        """Close idle connections."""
        while connection := self._pop():
            self._close(connection)

    def _pop(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _free_or_new(self) -> Connection:
        deadline = monotonic() + self._timeout
        refused: OperationalError | None = None
        while True:
            connection = self._wait(deadline, refused)
            if connection:
                return connection
            try:
                return self._connect()
            except OperationalError as error:
                # The server may have no connection left to give. It has given us some, if any are in use.
                refused = error

    def _wait(self, deadline: float, refused: OperationalError | None) -> Connection | None:
        """An idle connection, or None and the right to open one; after a refusal only when something changed."""
        with self._free:
            # Counted before the check: a concurrent release is either seen here, or sees that a caller waits.
            self._waiting += 1
            try:
                may_open = refused is None
                while not self._closed:
                    if connection := self._pop():
                        return connection
                    if refused and not self._open:
                        raise refused
                    if may_open and self._open < self._size:
                        self._open += 1
                        return None
                    if not self._free.wait(deadline - monotonic()):
                        raise refused or OperationalError(
                            f"no connection came free in {self._timeout:g} s: all {self._size} of the pool are in use"
                        )
                    may_open = True
            finally:
                self._waiting -= 1
        raise OperationalError("the PostgreSQL store is closed")

    def _connect(self) -> Connection:
        era = self._era
        try:
            connection = open_connection(self._conninfo, self.clock)
        except BaseException:
            with self._free:
                self._open -= 1
                # While others are in use, the next attempt would be refused as well.
                if not self._open:
                    self._free.notify_all()
            raise
        connection.era, connection.process = era, self._process
        return connection

    def _close(self, connection: Connection) -> None:
        connection.close()
        with self._free:
            self._open -= 1
            self._free.notify()


_shared: dict[str, tuple[ConnectionPool, list[object]]] = {}
"""By connection string: the pool that several stores have in common, and their keys to it."""


def join_pool(conninfo: str, key: object) -> ConnectionPool:
    """The pool that all stores in schemas of one database have in common; ``leave_pool`` with the same key ends it.

    It has one connection more for each store, as long as they are used: each may hold one while it waits for a second,
    as where runs are claimed.
    """
    with lock_of(_shared):
        if conninfo not in _shared:
            _shared[conninfo] = ConnectionPool(conninfo), []
        pool, keys = _shared[conninfo]
        keys.append(key)
        pool.resize(POOL_SIZE + len(keys))
        return pool


def leave_pool(conninfo: str, key: object) -> None:
    """Close the pool, if nobody else uses it. A key that has left already may do so again."""
    with lock_of(_shared):
        pool, keys = _shared.get(conninfo, (None, []))
        if pool is None or key not in keys:
            return
        keys.remove(key)
        if keys:
            pool.resize(POOL_SIZE + len(keys))
            return
        del _shared[conninfo]
    pool.close()


def open_connection(conninfo: str, clock: SteadyClock | None = None) -> Connection:
    """A new connection in autocommit mode; a clock is set by the server's. Raises OperationalError."""
    settings = conninfo_to_dict(conninfo)
    missing: dict[str, Any] = {key: value for key, value in _DEFAULTS.items() if not settings.get(key)}
    try:
        return _connect(conninfo, missing, clock or SteadyClock())
    except psycopg.Error as error:
        reason = redact_secrets(str(error), conninfo)
    raise unreachable(reason)  # out here, where the driver's error isn't its context: that may show the password


def keep_inherited(connections: object) -> None:
    """Keep connections of the parent in a forked child: their end would be told to the server."""
    _INHERITED.append(connections)


def _connect(conninfo: str, settings: dict[str, Any], clock: SteadyClock) -> Connection:
    connection = Connection.connect(conninfo, autocommit=True, **settings)
    try:
        # Whatever the user's default is: after waiting for a lock a statement must see the commits meanwhile.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        process = set_clock(clock, connection)
        if process != connection.info.backend_pid:
            connection.is_behind_pooler = True
            connection.prepare_threshold = None
    except BaseException:
        connection.close()
        raise
    return connection


def set_clock(clock: SteadyClock, connection: Connection) -> int:
    """Set the clock by the server's. Returns the number of the process that serves the connection."""
    before = clock.read_steady()
    now = "SELECT pg_backend_pid(), floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    process, wall = connection.execute(now, prepare=False).fetchone() or (0, 0)
    clock.set(wall, (before + clock.read_steady()) // 2)
    return int(process)
