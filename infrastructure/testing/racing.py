"""Races on purpose: calls that begin at one moment, and events that keep a store waiting while it takes them.

A race is lost in the time between a store's look at what is there and its commit. That may be far too short to be hit
by luck, so the events stretch it: whoever goes through them waits until all have come that far.
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
"""Seconds after which a call that hasn't come back is taken for one that never will."""

MEETING_TIMEOUT = 0.05
"""Seconds to wait for others that may be unable to come, as who waits holds the lock that they need."""


class Meeting:
    """Where several come together. It opens when all have come or gone, or nobody has more patience."""

    def __init__(self, parties: int) -> None:
        self._missing = parties
        self._lock = Lock()
        self._open = Event()

    def come(self) -> None:
        """Be there, and wait for the others."""
        self.go()
        self._open.wait(MEETING_TIMEOUT)
        self._open.set()

    def go(self) -> None:
        """Be counted without waiting."""
        with self._lock:
            self._missing -= 1
            if self._missing == 0:
                self._open.set()


class SlowEvents(list[NewEvent]):
    """Events that call back before the event at ``place`` is taken, once; behind the last where there is none."""

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
    """A call in a thread of its own: what it returned or raised is told by who waits for it."""

    def __init__(self, call: Callable[[], R]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self._answer: R
        self._raised: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._answer = self._call()
        except BaseException as error:  # noqa: BLE001 - raised where the answer is asked for
            self._raised = error

    def answer(self, seconds: float = CALL_TIMEOUT) -> R:
        """What the call returned; raises what it raised, and AssertionError when it doesn't come back."""
        self.join(seconds)
        if self.is_alive():
            raise AssertionError(f"a call of the store hasn't come back for {seconds:.0f} seconds")
        if self._raised is not None:
            raise self._raised
        return self._answer


def run_together(calls: Sequence[Callable[[], R]]) -> list[R | Exception]:
    """Make all calls at one moment, each in a thread; what they returned or raised, in their order."""
    barrier = Barrier(len(calls))

    def at_once(call: Callable[[], R]) -> R:
        barrier.wait(CALL_TIMEOUT)
        return call()

    with frequent_switches():
        racers: list[ThreadedCall[R]] = [ThreadedCall(partial(at_once, call)) for call in calls]
        outcomes: list[R | Exception] = []
        for racer in racers:
            try:
                outcomes.append(racer.answer())
            except AssertionError:
                raise
            except Exception as error:  # noqa: BLE001 - the outcome of a race
                outcomes.append(error)
        return outcomes


@contextmanager
def frequent_switches() -> Generator[None]:
    """Threads take turns every few microseconds, so that no step of one is too short for another."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
