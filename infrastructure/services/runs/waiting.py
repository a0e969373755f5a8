"""Waiting for runs: one reader a process looks for everybody who waits in it."""

import logging
from collections.abc import Collection, Generator
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from ....domain.errors import FlowledgerError, RunNotFound, StorageCorrupt, StorageUnavailable
from ....domain.status import ENDED, UNREADABLE
from ....domain.visible import quoted
from ...concurrency.forking import ResetOnFork, handle_missed_fork, register_for_forks
from ...concurrency.jitter import uniform
from ...queries.index.reader import Index

if TYPE_CHECKING:
    from ...storage.wakeups import Wakeups

LOOK_EVERY: Final = 2.0
"""Seconds between two looks where no wake-up comes: one may be lost."""

SHARE: Final = 0.1
"""The part of its time that the reader spends reading, however many wait and however much happens."""

LONGEST_REST: Final = 1.0

_log = logging.getLogger("flowledger.store")


class _Waiter(NamedTuple):
    until: Collection[str]
    reached: "Future[None]"


class RunReader(ResetOnFork):
    """Reads where runs stand, in a thread, while somebody waits for one."""

    def __init__(self, index: Index, wakeups: "Wakeups") -> None:
        self._index = index
        self._wakeups = wakeups
        self._closed = False
        self.after_fork_in_child()
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self._lock = Lock()
        self._waiters: dict[str, list[_Waiter]] = {}
        self._thread: Thread | None = None
        self._stop = Event()

    def is_settled(self, run_id: str, until: Collection[str]) -> bool:
        """Whether a run stands so, or has ended. Raises RunNotFound, StorageCorrupt, StorageUnavailable."""
        status = self._index.statuses([run_id]).get(run_id)
        fault = _fault(run_id, status)
        if fault is not None:
            raise fault
        return status in until or status in ENDED

    @contextmanager
    def waiting(self, run_id: str, until: Collection[str]) -> "Generator[Future[None]]":
        """A future that is done once the run is settled. Look whether it is after this begins, for it may be already.

        Where there is no point in waiting any longer, as when the ledger is closed, it has an error.
        """
        handle_missed_fork()
        waiter = _Waiter(until, Future())
        with self._lock:
            if self._closed:
                raise StorageUnavailable(_CLOSED)
            self._waiters.setdefault(run_id, []).append(waiter)
            if self._thread is None:
                self._start()
        try:
            yield waiter.reached
        finally:
            with self._lock:
                others = [each for each in self._waiters.pop(run_id, ()) if each is not waiter]
                if others:
                    self._waiters[run_id] = others

    def close(self) -> None:
        """Refuse to wait any longer."""
        with self._lock:
            self._closed = True
            waiting = [waiter for waiters in self._waiters.values() for waiter in waiters]
        self._stop.set()
        for waiter in waiting:
            _settle(waiter, StorageUnavailable(_CLOSED))

    def _start(self) -> None:
        thread = Thread(target=self._read, name="flowledger-runs", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise StorageUnavailable(f"no thread can be started that waits for runs: {error}") from error
        self._thread = thread

    def _read(self) -> None:
        lock, stop, is_told = self._lock, self._stop, False
        while not stop.is_set():
            seen, begun = self._wakeups.count, monotonic()
            with lock:
                waiters = {run_id: tuple(waiting) for run_id, waiting in self._waiters.items()}
                if not waiters:
                    self._thread = None
                    return
            try:
                statuses = self._index.statuses(list(waiters))
            except StorageUnavailable as error:
                # It may come back, and who waits has said for how long.
                if not is_told and not stop.is_set():
                    _log.warning("where runs stand can't be read, for those who wait; this is tried again: %s", error)
                is_told = True
            except FlowledgerError as error:
                for waiting in waiters.values():
                    for waiter in waiting:
                        _settle(waiter, error)
            else:
                is_told = False
                _tell(waiters, statuses)
            stop.wait(min((monotonic() - begun) * (1 / SHARE - 1), LONGEST_REST))
            self._wakeups.wait(seen, LOOK_EVERY * uniform(0.75, 1.25))


def _tell(waiters: dict[str, tuple[_Waiter, ...]], statuses: dict[str, str]) -> None:
    for run_id, waiting in waiters.items():
        status = statuses.get(run_id)
        fault = _fault(run_id, status)
        for waiter in waiting:
            if fault is not None or status in waiter.until or status in ENDED:
                _settle(waiter, fault)


def _fault(run_id: str, status: str | None) -> FlowledgerError | None:
    """Why it makes no sense to wait for the run."""
    if status is None:
        return RunNotFound(run_id)
    if status == UNREADABLE:
        return StorageCorrupt(f"run {quoted(run_id)} can't be read: verify says what is wrong with it")
    return None


def _settle(waiter: _Waiter, error: FlowledgerError | None = None) -> None:
    with suppress(InvalidStateError):  # it was told before, or waits no longer
        if error is None:
            waiter.reached.set_result(None)
        else:
            waiter.reached.set_exception(error)


_CLOSED: Final = "the ledger was closed, so it waits for no run any more"
