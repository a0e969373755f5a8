"""Deliberate races: calls that start at one moment, and events that delay a store while it iterates over them.

A race is lost between a store's read and its commit. That window may be far too short to be hit by chance, so the
events widen it: iterating over them waits until all writers have come that far.
"""

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Barrier, Event, Lock, Thread
from typing import Generic, TypeVar

from ...domain.ports import NewEvent

R = TypeVar("R")

CALL_TIMEOUT = 60.0
"""Seconds after which a call that hasn't returned is taken for one that never will."""

MEETING_TIMEOUT = 0.05
"""Seconds to wait for others that may be blocked, as the waiting one holds the lock that they need."""


class LooseBarrier:
    """A barrier with a timeout: it opens when all have arrived or passed, or the first has waited too long."""

    def __init__(self, parties: int) -> None:
        self._missing = parties
        self._lock = Lock()
        self._open = Event()

    def wait(self) -> None:
        """Arrive, and wait for the others."""
        self.arrive()
        self._open.wait(MEETING_TIMEOUT)
        self._open.set()

    def arrive(self) -> None:
        """Arrive without waiting."""
        with self._lock:
            self._missing -= 1
            if self._missing == 0:
                self._open.set()


class SlowEvents(list[NewEvent]):
    """Events that call back once during iteration: before the event at ``place``, or after the last one."""

    def __init__(self, events: Sequence[NewEvent], callback: Callable[[], object], place: int = 0) -> None:
        super().__init__(events)
        self._callback: Callable[[], object] | None = callback
        self._place = min(place, len(events))

    def __iter__(self) -> Iterator[NewEvent]:
        for number, event in enumerate(super().__iter__()):
            if number == self._place:
                self._call()
            yield event
        self._call()

    def _call(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class ThreadedCall(Thread, Generic[R]):
    """A call in a thread of its own; ``result`` returns or raises what it did."""

    def __init__(self, call: Callable[[], R]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self._result: R
        self._raised: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:  # noqa: BLE001 - raised by result()
            self._raised = error

    def result(self, seconds: float = CALL_TIMEOUT) -> R:
        """The result of the call; raises its error, or AssertionError when it doesn't return."""
        self.join(seconds)
        if self.is_alive():
            raise AssertionError(f"a call of the store hasn't come back for {seconds:.0f} seconds")
        if self._raised is not None:
            raise self._raised
        return self._result


def run_together(calls: Sequence[Callable[[], R]]) -> list[R | Exception]:
    """Make all calls at one moment, each in a thread; returns their results or errors, in order."""
    barrier = Barrier(len(calls))

    def at_once(call: Callable[[], R]) -> R:
        barrier.wait(CALL_TIMEOUT)
        return call()

    with frequent_switches():
        racers: list[ThreadedCall[R]] = [ThreadedCall(partial(at_once, call)) for call in calls]
        outcomes: list[R | Exception] = []
        for racer in racers:
            try:
                outcomes.append(racer.result())
            except AssertionError:
                raise
            except Exception as error:  # noqa: BLE001 - the outcome of a race
                outcomes.append(error)
        return outcomes


@contextmanager
def frequent_switches() -> Generator[None]:
    """Threads switch every few microseconds, so that another can run between any two steps."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
