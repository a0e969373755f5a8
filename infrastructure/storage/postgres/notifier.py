"""Notifies who listens for changes of a store, behind the appends.

A NOTIFY in an append's own transaction would make the commits of the whole database wait for each other. So a thread
sends them, and one stands for all commits of a hundredth of a second. Its transaction has a number, too, for which
readers of the log wait a moment. So it is sent only while somebody listens: all who do hold a lock that shows it.
"""

import logging
from hashlib import sha256
from threading import Condition, Event, Thread, current_thread
from typing import Final

from eventsourcing.persistence import PersistenceError

from .datastore import PostgresDatastore

NOTIFY_EVERY: Final = 0.01
"""Seconds between two notifications of one process."""

IDLE: Final = 10.0
"""Seconds without a change after which the thread ends."""

CLOSE_TIMEOUT: Final = 1.0
"""Seconds that ``close`` waits for the last notification."""

NO_WORK: Final = b" no work"
"""The end of a notification where nothing can be claimed that couldn't before. Earlier releases ignore it."""

MAX_NAME: Final = 63
"""Bytes of a channel's name."""

_log = logging.getLogger("flowledger.store")


class Notifier:
    """Sends notifications that carry the sender's name, from a thread that is started when needed."""

    def __init__(self, datastore: PostgresDatastore, sender: str) -> None:
        self._datastore = datastore
        self._sender = sender
        self._wanted = Condition()
        self._is_wanted = self._is_idle = self._closed = False
        self._no_work = True
        """Of what is wanted: whether nothing can be claimed that couldn't before."""
        self._ending = Event()
        self._thread: Thread | None = None

    def notify(self, *, no_work: bool = False) -> None:
        """Have a notification sent soon; ``no_work``: nothing can be claimed that couldn't before."""
        with self._wanted:
            self._is_wanted = True
            self._no_work &= no_work
            if self._is_idle:
                self._wanted.notify()
            elif self._thread is None and not self._closed:
                self._start()

    def close(self) -> None:
        """Send what is still to be sent."""
        self._ending.set()
        with self._wanted:
            self._closed = True
            self._wanted.notify()
            thread = self._thread
        if thread not in (None, current_thread()):
            thread.join(CLOSE_TIMEOUT)

    def _start(self) -> None:
        thread = Thread(target=self._run, name="flowledger-notifier", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # as while the interpreter ends: what was committed stays so
            _log.info("nobody is notified of a change of the store: %s", error)
        else:
            self._thread = thread

    def _run(self) -> None:
        schema, is_told = self._datastore.store_schema, False
        parameters = {"lock": listeners_lock(schema), "channel": channel_of(schema)}
        while self._is_called():
            try:
                self._datastore.execute("notify", {**parameters, "sender": self._payload()})
                is_told = False
            except PersistenceError as error:
                if not is_told:
                    _log.warning("nobody could be notified of a change of the store: %s", error)
                is_told = True
            self._ending.wait(NOTIFY_EVERY)

    def _payload(self) -> str:
        """The sender's name, and what it tells since the last time."""
        with self._wanted:
            no_work, self._no_work = self._no_work, True
        return f"{self._sender}{NO_WORK.decode() if no_work else ''}"

    def _is_called(self) -> bool:
        """Wait for a change; False when none has come for a long time, or is to come."""
        with self._wanted:
            self._is_idle = True
            self._wanted.wait_for(lambda: self._is_wanted or self._closed, IDLE)
            self._is_idle = False
            called, self._is_wanted = self._is_wanted, False
            if not called:
                self._thread = None
            return called


def channel_of(schema: str) -> str:
    """The channel of the store in a schema."""
    name = f"flowledger.{schema}"
    return name if len(name.encode()) <= MAX_NAME else f"flowledger.{sha256(schema.encode()).hexdigest()[:40]}"


def listeners_lock(schema: str) -> int:
    """The number of the advisory lock that listeners on the channel of a schema share."""
    return int.from_bytes(sha256(channel_of(schema).encode()).digest()[:8], "big", signed=True)
