"""Wake-ups by LISTEN and NOTIFY, on one channel for each schema."""

import logging
import os
from select import POLLIN, poll
from threading import current_thread
from typing import Final
from uuid import uuid4

import psycopg
from eventsourcing.persistence import PersistenceError
from psycopg.pq import ConnStatus
from psycopg.sql import SQL, Identifier

from ...concurrency.jitter import uniform
from ..wakeups import LONGEST_PAUSE, SHORTEST_PAUSE, PollingWakeups
from .datastore import PostgresDatastore
from .errors import is_broken
from .notifier import NO_WORK, Notifier, channel_of, listeners_lock
from .pool import Connection, keep_inherited, open_connection
from .watched_transactions import WatchedTransactions

SHORTEST_BACKOFF: Final = 0.1
LONGEST_BACKOFF: Final = 5.0
"""Seconds between two attempts to reach a server that is away: doubled with each."""

CLOSE_TIMEOUT: Final = 1.0
"""Seconds that ``close`` waits for the listening connection to be closed."""

_log = logging.getLogger("flowledger.store")


class _CannotListen(Exception):
    """No notification will ever come through this connection."""


class PostgresWakeups(PollingWakeups):
    """Listens on a connection of its own; where that is impossible, it looks at the store now and then."""

    def __init__(self, datastore: PostgresDatastore) -> None:
        self._datastore = datastore
        super().__init__(self._last_position, SHORTEST_PAUSE, LONGEST_PAUSE)

    def _start(self) -> None:
        super()._start()
        self._name = uuid4().hex
        """What our own notifications begin with, so that they wake nobody here again."""
        self._notifier = Notifier(self._datastore, self._name)
        self._transactions = WatchedTransactions(self._datastore, self.notify)
        self._listening: Connection | None = None
        self._bell: tuple[int, int] | None = None
        """A pipe, by which ``close`` wakes the thread that listens."""
        self._backoff = SHORTEST_BACKOFF

    def notify(self, *, no_work: bool = False) -> None:
        self._wake(no_work=no_work)
        self._notifier.notify(no_work=no_work)

    def notify_after(self, transaction: int | None) -> None:
        if transaction is not None:
            self._transactions.watch(transaction)

    def close(self) -> None:
        super().close()
        self._transactions.close()
        self._notifier.close()
        with self._changed:
            if self._bell is not None:
                os.write(self._bell[1], b"!")
        if self._watcher not in (None, current_thread()):
            self._watcher.join(CLOSE_TIMEOUT)

    def after_fork_in_child(self) -> None:
        if self._listening is not None:
            keep_inherited(self._listening)
        if self._bell is not None:
            for end in self._bell:
                os.close(end)
        super().after_fork_in_child()

    def _last_position(self) -> object:
        try:
            return self._datastore.look("max_position", {})
        except PersistenceError:
            return None  # who waits is told by what it reads itself

    def _watch(self) -> None:
        stop = self._stop
        while not stop.is_set():
            try:
                self._listen()
            except _CannotListen as error:
                _log.warning("changes of the store by other processes are noticed by polling: %s", error)
                super()._watch()
            except (PersistenceError, psycopg.Error) as error:
                if self._backoff == SHORTEST_BACKOFF and not stop.is_set():
                    _log.warning("changes of the store can't be listened for; this is tried again: %s", error)
                stop.wait(self._backoff * uniform(0.75, 1.25))
                self._backoff = min(2 * self._backoff, LONGEST_BACKOFF)

    def _listen(self) -> None:
        """Wake everybody at each notification, until ``close``. Raises when the connection is lost."""
        schema = self._datastore.store_schema
        self._listening = connection = open_connection(self._datastore.conninfo)
        try:
            _begin_to_listen(connection, schema)
            self._backoff = SHORTEST_BACKOFF
            self._wake()  # whatever happened before, nobody was told of it
            self._hear(connection)
        finally:
            self._listening = None
            connection.close()

    def _hear(self, connection: Connection) -> None:
        with self._changed:
            if self._closed:
                return
            self._bell = (ring, bell) = os.pipe()
        try:
            awaited = poll()
            awaited.register(ring, POLLIN)
            awaited.register(connection.pgconn.socket, POLLIN)
            while not self._stop.is_set():
                awaited.poll()
                if told := self._told(connection):
                    self._wake(no_work=all(payload.endswith(NO_WORK) for payload in told))
        finally:
            with self._changed:
                self._bell = None
            os.close(ring)
            os.close(bell)

    def _told(self, connection: Connection) -> list[bytes]:
        """What the notifications of others say."""
        connection.pgconn.consume_input()
        if connection.pgconn.status == ConnStatus.BAD:
            raise psycopg.OperationalError("the connection was lost")
        told = []
        while (notification := connection.pgconn.notifies()) is not None:
            if not notification.extra.startswith(self._name.encode()):
                told.append(notification.extra)
        return told


def _begin_to_listen(connection: Connection, schema: str) -> None:
    if connection.is_behind_pooler:
        raise _CannotListen("a pooler is in front of the server, and no notification comes through it")
    try:
        # For as long as the session lasts.
        connection.execute("SELECT pg_advisory_lock_shared(%s)", (listeners_lock(schema),))
        connection.execute(SQL("LISTEN {}").format(Identifier(channel_of(schema))))
    except psycopg.Error as error:
        if connection.closed or is_broken(error):
            raise
        raise _CannotListen(str(error)) from error
