"""A bounded pool of PostgreSQL connections: no threads of its own, the connection used last goes out first."""

import os
from functools import cached_property
from threading import Condition
from typing import Any

import psycopg
from eventsourcing.persistence import OperationalError
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

POOL_SIZE = 10
"""Connections at most; further threads wait for one."""

POOL_TIMEOUT = 30.0
"""Seconds that a thread waits for a connection."""

CONNECT_TIMEOUT = 10
"""Seconds to reach the server, unless the URL says otherwise."""

_INHERITED: list[object] = []
"""Connections of a parent process, which a forked child must neither use nor close."""


_DEFAULTS = {
    "connect_timeout": CONNECT_TIMEOUT,
    "application_name": "flowledger",
    "client_encoding": "utf8",
    # A server that vanished without a word is noticed within a minute.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


class Connection(psycopg.Connection[Any]):
    """A connection that keeps a cursor, as making one costs a tenth of an append, and knows what was prepared on it."""

    @cached_property
    def kept_cursor(self) -> psycopg.Cursor[Any]:
        return self.cursor(binary=True)

    @cached_property
    def prepared(self) -> set[bytes]:
        return set()


class ConnectionPool:
    """Connections in autocommit mode: ``take`` one, and ``give_back`` it in any state."""

    def __init__(self, conninfo: str, size: int = POOL_SIZE, timeout: float = POOL_TIMEOUT) -> None:
        self._conninfo = conninfo
        self._size = size
        self._timeout = timeout
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        # Lists pop and append atomically, so that the usual way in and out takes no lock; who finds none idle does.
        self._idle: list[Connection] = []
        self._free = Condition()
        self._open = 0
        self._waiting = 0
        self._closed = False

    def take(self) -> Connection:
        """An idle or new connection. Raises OperationalError when none comes free in time or the server is away."""
        if self._process != os.getpid():
            _INHERITED.append(self._idle)
            self._start()
        return self._pop() or self._wait() or self._connect()

    def give_back(self, connection: Connection) -> None:
        """Keep the connection for the next, unless it is broken or in the middle of something."""
        if connection.pgconn.transaction_status != TransactionStatus.IDLE:
            self._close(connection)
            return
        self._idle.append(connection)
        if self._closed:
            self.drop_idle()
        elif self._waiting:
            with self._free:
                self._free.notify()

    def drop_idle(self) -> None:
        """Close what is idle: when the server went, it went for all of them."""
        while connection := self._pop():
            self._close(connection)

    def close(self) -> None:
        """Close what is idle now, and what is in use when it comes back."""
        self._closed = True
        self.drop_idle()

    def _pop(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _wait(self) -> Connection | None:
        """An idle connection, or None and the right to open one."""
        with self._free:
            # Counted before it looks: who gives a connection back is either seen here, or sees that somebody waits.
            self._waiting += 1
            try:
                while not self._closed:
                    if connection := self._pop():
                        return connection
                    if self._open < self._size:
                        self._open += 1
                        return None
                    if not self._free.wait(self._timeout):
                        raise OperationalError(
                            f"no connection came free in {self._timeout:g} s: all {self._size} of the pool are in use"
                        )
            finally:
                self._waiting -= 1
        raise OperationalError("the PostgreSQL store is closed")

    def _connect(self) -> Connection:
        settings = conninfo_to_dict(self._conninfo)
        missing: dict[str, Any] = {key: value for key, value in _DEFAULTS.items() if not settings.get(key)}
        try:
            return Connection.connect(self._conninfo, autocommit=True, **missing)
        except BaseException as error:
            self._let_another_open()
            if not isinstance(error, psycopg.Error):
                raise
            password = str(settings.get("password") or "")
            reason = str(error).replace(password, "***") if password else str(error)
            raise OperationalError(f"PostgreSQL can't be reached: {reason}") from None

    def _close(self, connection: Connection) -> None:
        connection.close()
        self._let_another_open()

    def _let_another_open(self) -> None:
        with self._free:
            self._open -= 1
            self._free.notify()
