"""Names under which the log is followed: one follower at a time holds one, by a lease, and keeps its place."""

import logging
import os
import socket
from collections import deque
from collections.abc import Callable
from threading import Event, Lock, Thread
from uuid import uuid4

from ....domain.errors import InvalidRequest, StorageError, SubscriptionHeld
from ....domain.values.clock import moment
from ....domain.values.names import check_name
from ....domain.visible import quoted
from ...concurrency.forking import ResetOnFork, register_for_forks
from ...concurrency.jitter import uniform
from ...storage.subscription_table import Holder, Place, SubscriptionTable

RENEWALS = 3
"""How often a lease is renewed while it would last."""

_log = logging.getLogger("flowledger.store")


class Held:
    """A name that this process holds."""

    def __init__(self, table: SubscriptionTable, name: str, lease: int, now: Callable[[], int]) -> None:
        self._table = table
        self.name = name
        self.lease = lease
        """In microseconds."""
        self._now = now
        self._holder = Holder(uuid4().hex, socket.gethostname(), os.getpid())
        self._is_lost = False

    def take(self, first: Place) -> Place:
        """Its place; a new name begins at ``first``. Raises SubscriptionHeld."""
        while True:
            now = self._now()
            place = self._table.take(self.name, first, self._holder, now, now + self.lease)
            if place is not None:
                return place
            error = self._held_by_another()
            if error is not None:
                raise error

    def keep(self, place: Place) -> None:
        """Keep a place. Raises SubscriptionHeld where this process was stalled, and another one holds the name."""
        now = self._now()
        if self._is_lost or not self._table.keep(self.name, place, self._holder.id, now, now + self.lease):
            self._is_lost = True
            raise self._held_by_another() or SubscriptionHeld(self.name, "", 0, moment(now))

    def renew(self) -> None:
        """Renew the lease, unless another one holds the name: that is raised when the next place is kept."""
        if not self._is_lost and not self._table.renew(self.name, self._holder.id, self._now() + self.lease):
            self._is_lost = True

    def give_back(self) -> None:
        """Let others take it at once; where the store can't be reached, they wait for the end of the lease."""
        try:
            self._table.give_back(self.name, self._holder.id)
        except StorageError as error:
            _log.info("the subscription %s is held up to the end of its lease: %s", quoted(self.name), error)

    def _held_by_another(self) -> SubscriptionHeld | None:
        for kept in self._table.all():
            if kept.name == self.name and kept.holder is not None:
                return SubscriptionHeld(self.name, kept.holder.host, kept.holder.pid, moment(kept.lease_until))
        return None


class Leases(ResetOnFork):
    """Renews the leases of the names that this process holds, in a thread, however long an event is worked on."""

    def __init__(self) -> None:
        self.after_fork_in_child()
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self._lock = Lock()
        self._held: list[Held] = []
        self._dropped: deque[Held] = deque()
        """Those whose follower nobody refers to any more."""
        self._thread: Thread | None = None
        self._stop, self._changed = Event(), Event()

    def add(self, held: Held) -> None:
        """Renew its lease from now on."""
        with self._lock:
            self._held.append(held)
            if self._thread is None:
                self._thread = Thread(target=self._renew, name="flowledger-leases", daemon=True)
                self._thread.start()
        self._changed.set()

    def remove(self, held: Held) -> None:
        """Give the name back."""
        with self._lock:
            if held not in self._held:
                return
            self._held.remove(held)
        held.give_back()

    def drop(self, held: Held) -> None:
        """The same for who may not wait, as a finalizer: it is given back soon, or before the next one is taken."""
        self._dropped.append(held)

    def give_back_dropped(self) -> None:
        """Give back what nobody refers to any more."""
        while self._dropped:
            self.remove(self._dropped.popleft())

    def close(self) -> None:
        """End the thread. Leases that are still held run out."""
        self._stop.set()
        self._changed.set()

    def _renew(self) -> None:
        lock, stop, changed = self._lock, self._stop, self._changed
        while True:
            changed.clear()  # before it looks, so that no stop is missed
            if stop.is_set():
                return
            self.give_back_dropped()
            with lock:
                held = list(self._held)
                if not held:
                    self._thread = None
                    return
            for each in held:
                try:
                    each.renew()
                except StorageError as error:
                    _log.warning("the lease of subscription %s can't be renewed: %s", quoted(each.name), error)
            shortest = min(each.lease for each in held) / 1_000_000 / RENEWALS
            # Who is added meanwhile may have a shorter lease.
            changed.wait(shortest * uniform(0.75, 1.0))


def check_subscription_name(name: object) -> None:
    """Raises InvalidRequest for what can't be the name of a subscription."""
    if not isinstance(name, str) or not 0 < len(name.encode("utf-8", "replace")) <= MAX_NAME:
        raise InvalidRequest(f"a subscription's name is text of 1 to {MAX_NAME} bytes, not {quoted(name)}")
    check_name(name, "name")


MAX_NAME = 200
"""Bytes of a name."""
