"""Notices when transactions of callers are over, so that who waits is woken by what was appended in them.

A NOTIFY in the transaction itself would come just then, but make all commits that have one wait for each other.
"""

import logging
from collections.abc import Callable
from threading import Condition, Thread
from typing import Final

from eventsourcing.persistence import PersistenceError

from .datastore import PostgresDatastore

SHORTEST_PAUSE, LONGEST_PAUSE = 0.005, 0.5
"""Seconds between two looks: twice as long with each that finds none over."""

IDLE: Final = 10.0
"""Seconds without a transaction after which the thread ends."""

_log = logging.getLogger("flowledger.store")


class WatchedTransactions:
    """Looks after them in a thread that is started when needed, and calls ``ended`` when some are over."""

    def __init__(self, datastore: PostgresDatastore, ended: Callable[[], object]) -> None:
        self._datastore = datastore
        self._ended = ended
        self._changed = Condition()
        self._watched: set[int] = set()
        self._is_new = self._closed = False
        self._thread: Thread | None = None

    def watch(self, transaction: int) -> None:
        """Have ``ended`` called soon after the end of the transaction with this number."""
        with self._changed:
            if self._closed or transaction in self._watched:
                return
            self._watched.add(transaction)
            self._is_new = True
            self._changed.notify()
            if self._thread is None:
                thread = Thread(target=self._run, name="flowledger-transactions", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # who waits looks again after a while
                    self._watched.clear()
                    _log.info("nobody is notified of what was appended in a transaction: %s", error)
                else:
                    self._thread = thread

    def close(self) -> None:
        """Watch no others. What is committed later is noticed by who looks again after a while."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        pause = SHORTEST_PAUSE
        while self._is_called(pause):
            if self._find_ended():
                pause = SHORTEST_PAUSE
                self._ended()
            else:
                pause = min(2 * pause, LONGEST_PAUSE)

    def _is_called(self, pause: float) -> bool:
        """Wait until it is time to look; False when there has been nothing to look after for a long time."""
        with self._changed:
            if not self._watched:
                self._changed.wait_for(lambda: self._watched or self._closed, IDLE)
            if self._closed or not self._watched:
                self._thread = None
                return False
            self._changed.wait_for(lambda: self._closed or self._is_new, pause)
            if self._is_new:  # it is most likely over in a moment
                self._is_new = False
                self._changed.wait_for(lambda: self._closed, SHORTEST_PAUSE)
            return not self._closed

    def _find_ended(self) -> bool:
        """Forget the transactions that are over; whether there were any."""
        with self._changed:
            watched = list(self._watched)
        try:
            over = {number for (number,) in self._datastore.execute("ended_transactions", {"transactions": watched})}
        except PersistenceError as error:  # as of a server that took over, and has never come so far
            _log.info("it can't be told whether transactions of callers are over: %s", error)
            over = set(watched)
        with self._changed:
            self._watched -= over
        return bool(over)
