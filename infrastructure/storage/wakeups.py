"""Wake-ups: who waits for something to happen in a store hears soon that something has.

A wake-up says only "look again". One that is lost costs time and nothing else, so everybody who waits also looks again
after a while. Nothing is started before somebody waits.
"""

import logging
from abc import abstractmethod
from collections.abc import Callable
from threading import Condition, Event, Thread

from ..concurrency.forking import ResetOnFork, handle_missed_fork, register_for_forks
from ..concurrency.jitter import uniform

SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
"""Seconds between two looks at a store that tells nobody of its changes."""

_log = logging.getLogger("flowledger.store")


class Wakeups(ResetOnFork):
    """Counts the changes of a store that only this process can change. May be shared between threads."""

    def __init__(self) -> None:
        self._start()
        register_for_forks(self)

    def _start(self) -> None:
        self._changed = Condition()
        self._waiting = 0
        self._listeners: tuple[tuple[Callable[[], object], Callable[[], bool]], ...] = ()
        """Each with whether it is called now where there is no work."""
        self.followers: tuple[Callable[[], object], ...] = ()
        """What is called at each commit of this process."""
        self._closed = False
        self.count = 0
        """How many wake-ups there were: what to give to ``wait``, taken before the store is read."""

    def notify(self, *, no_work: bool = False) -> None:
        """Wake everybody who waits, in this process and in others: a commit has changed the index.

        ``no_work``: nothing can be claimed that couldn't before.
        """
        self._wake(no_work=no_work)

    def notify_after(self, transaction: int | None) -> None:
        """The same where a transaction of a caller's changed the index, once that is committed.

        ``transaction`` is its number. Where it has none, the commit is noticed anyway.
        """

    def wait(self, seen: int, timeout: float) -> int:
        """Block until the count isn't ``seen`` any more, or for ``timeout`` seconds. Returns the count.

        The count may also move on when nothing has changed, as it does for the first who waits.
        """
        handle_missed_fork()
        with self._changed:
            self._waiting += 1
            try:
                self._begin()
                self._changed.wait_for(lambda: self.count != seen, timeout)
                return self.count
            finally:
                self._waiting -= 1

    def add_listener(self, listener: Callable[[], object], hears_all: Callable[[], bool] = lambda: True) -> None:
        """Call the function at each wake-up, in any thread: it must be quick. A forked child has no listeners.

        ``hears_all``: whether to call it also where it is known that nothing can be claimed that couldn't before.
        """
        handle_missed_fork()
        with self._changed:
            self._listeners = (*self._listeners, (listener, hears_all))
            self._begin()

    def remove_listener(self, listener: Callable[[], object]) -> None:
        """Don't call it any more."""
        with self._changed:
            self._listeners = tuple(each for each in self._listeners if each[0] != listener)

    def add_follower(self, follower: Callable[[], object]) -> None:
        """Call the function at each commit of this process, also at those that wake nobody. It must never fail."""
        with self._changed:
            self.followers = (*self.followers, follower)

    def remove_follower(self, follower: Callable[[], object]) -> None:
        """Don't call it any more."""
        with self._changed:
            self.followers = tuple(each for each in self.followers if each != follower)

    def close(self) -> None:
        """Wake everybody, and end what was started. To wait afterwards takes its time, but does no harm."""
        with self._changed:
            self._closed = True
        self._wake()

    def _wake(self, *, no_work: bool = False) -> None:
        with self._changed:
            self.count += 1
            if self._waiting:
                self._changed.notify_all()
            listeners = self._listeners
        for listener, hears_all in listeners:
            try:
                if not no_work or hears_all():
                    listener()
            except Exception:  # noqa: BLE001 - what was committed stays so, and its writer has no part in this
                _log.exception("a listener for changes of the store failed")

    def _begin(self) -> None:
        """Somebody is about to wait, and holds the lock."""

    def after_fork_in_child(self) -> None:
        self._start()


class WatchingWakeups(Wakeups):
    """Watches the store in a thread for what other processes commit, from the first wait on."""

    def _start(self) -> None:
        super()._start()
        self._watcher: Thread | None = None
        self._awaited, self._stop = Event(), Event()

    def close(self) -> None:
        super().close()
        self._stop.set()
        self._awaited.set()

    def _begin(self) -> None:
        self._awaited.set()
        if self._watcher is None and not self._closed:
            watcher = Thread(target=self._watch, name="flowledger-wakeups", daemon=True)
            try:
                watcher.start()
            except RuntimeError as error:  # who waits looks again after a while, and then tries this again
                _log.warning("no thread can be started that waits for changes of the store: %s", error)
            else:
                self._watcher = watcher

    @abstractmethod
    def _watch(self) -> None:
        """Wake everybody when the store has changed, until ``_stop`` is set."""


class PollingWakeups(WatchingWakeups):
    """Notices a change by a look at the store: every so often while somebody waits, less often while nothing happens.

    ``look`` returns something that is different after a change, and None where that can't be told now.
    """

    def __init__(self, look: Callable[[], object], shortest: float, longest: float) -> None:
        self._look = look
        self._shortest, self._longest = shortest, longest
        """Seconds between two looks."""
        super().__init__()

    def _watch(self) -> None:
        seen: object = None
        pause = self._shortest
        stop = self._stop  # that of this process: a forked child makes another one
        while not stop.is_set():
            found = self._look()
            if found is not None and found != seen:
                seen, pause = found, self._shortest
                self._wake()
            else:
                pause = min(2 * pause, self._longest)
            # Of many processes that wait none looks at the same time as the others for long.
            stop.wait(pause * uniform(0.75, 1.25))
            self._rest()

    def _rest(self) -> None:
        """Return when somebody waits."""
        with self._changed:
            if self._waiting or self._listeners or self._closed:
                return
            self._awaited.clear()
        self._awaited.wait()
