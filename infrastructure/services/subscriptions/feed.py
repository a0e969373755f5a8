"""The end of the log, read once for all followers of a process that have come so far.

A follower that lags behind what is kept of it reads by itself, so it holds up neither the others nor their memory.
"""

import logging
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from itertools import dropwhile
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from ....domain.errors import EventsLost, FlowledgerError, StorageUnavailable
from ...concurrency.forking import ResetOnFork, handle_missed_fork, register_for_forks
from ...concurrency.jitter import uniform
from ...storage.subscription_table import Place
from .reading import place_of, read_behind

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore
    from ...storage.recorder import EventRow

ROWS_KEPT: Final = 500
"""Events at the end of the log that are kept for followers; large ones without their bytes."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 1.0
"""Seconds between two looks at the log that no commit woke: doubled with each that finds nothing."""

NEXT_LOOK: Final = 0.01
"""Seconds between two looks, however many commits wake it."""

_log = logging.getLogger("flowledger.store")


class Feed(ResetOnFork):
    """Reads the log in a thread while somebody follows it and has waited at its end."""

    def __init__(self, store: "LedgerEventStore") -> None:
        self._store = store
        self.after_fork_in_child()
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self._lock = Lock()
        self._rows: deque[EventRow] = deque()
        self._begin = 0
        """The position behind which the rows are complete."""
        self._end: Place | None = None
        """The place up to which they are; None before anybody has waited."""
        self._followers: WeakSet[object] = WeakSet()
        self._waiting: set[Future[None]] = set()
        self._thread: Thread | None = None
        self._awake, self._stop = Event(), Event()

    def attach(self, follower: object) -> None:
        """Read the log for as long as this object lives, or until it is detached."""
        handle_missed_fork()
        with self._lock:
            self._followers.add(follower)

    def detach(self, follower: object) -> None:
        """It doesn't follow the log any more."""
        with self._lock:
            self._followers.discard(follower)

    def rows_behind(self, place: Place) -> "Sequence[EventRow] | None":
        """The next rows behind a place, none at the end; None where the follower must read them by itself."""
        with self._lock:
            if self._end is None or not self._begin <= place.position <= self._end.position:
                return None
            if place.position == self._end.position:
                return () if place.stream in (None, self._end.stream) or self._end.stream is None else None
            rows = list(dropwhile(lambda row: row.position < place.position, self._rows))
            if rows and rows[0].position == place.position:
                if place.stream is not None and (rows[0].stream, rows[0].version) != (place.stream, place.version):
                    return None
                del rows[0]
            return rows

    @contextmanager
    def waiting(self, place: Place) -> "Generator[Future[None]]":
        """A future that is done when there may be something behind the place. Whoever has it may end it earlier."""
        moved: Future[None] = Future()
        with self._lock:
            if self._end is None:
                self._begin, self._end = place.position, place
                self._awake.set()
            if self._end.position > place.position:
                moved.set_result(None)
            self._waiting.add(moved)
            if self._thread is None:
                self._start()
        try:
            yield moved
        finally:
            with self._lock:
                self._waiting.discard(moved)

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._awake.set()

    def _start(self) -> None:
        thread = Thread(target=self._read, name="flowledger-feed", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise StorageUnavailable(f"no thread can be started that follows the log: {error}") from error
        self._thread = thread

    def _read(self) -> None:
        wakeups, lock, stop, awake = self._store.wakeups, self._lock, self._stop, self._awake

        def wake() -> None:
            if not awake.is_set():
                awake.set()

        wakeups.add_listener(wake)
        wakeups.add_follower(wake)
        try:
            pause, is_told = SHORTEST_PAUSE, False
            while not stop.is_set():
                awake.clear()
                with lock:
                    if not self._followers:
                        self._end, self._thread = None, None
                        self._rows.clear()
                        return
                try:
                    pause = SHORTEST_PAUSE if self._read_on() else min(2 * pause, LONGEST_PAUSE)
                    is_told = False
                except StorageUnavailable as error:
                    if not is_told and not stop.is_set():
                        _log.warning("the log can't be read, for those who follow it; this is tried again: %s", error)
                    is_told, pause = True, LONGEST_PAUSE
                stop.wait(NEXT_LOOK)
                awake.wait(pause * uniform(0.75, 1.25))
        finally:
            wakeups.remove_listener(wake)
            wakeups.remove_follower(wake)

    def _read_on(self) -> bool:
        """Read what is new; whether there was something. Raises StorageUnavailable."""
        end = self._end
        if end is None:
            return False
        try:
            rows = read_behind(self._store, end)
            last = place_of(self._store, rows[-1]) if rows else end
        except StorageUnavailable:
            raise
        except FlowledgerError as error:
            # Each follower finds out by itself what it means for it.
            if not isinstance(error, EventsLost):
                _log.warning("the log can't be read on: %s", error)
            self._move([], None)
            return False
        if rows:
            self._move(rows, last)
        return bool(rows)

    def _move(self, rows: "Sequence[EventRow]", end: Place | None) -> None:
        with self._lock:
            self._end = end
            self._rows.extend(rows)
            if end is None:
                self._rows.clear()
            while len(self._rows) > ROWS_KEPT:
                self._begin = self._rows.popleft().position
            waiting, self._waiting = self._waiting, set()
        for moved in waiting:
            end_wait(moved)


def end_wait(moved: "Future[None]") -> None:
    """Let go on who waits for this future."""
    with suppress(InvalidStateError):
        moved.set_result(None)
