"""Sync executors with a timeout: they are called in a thread, which can't be stopped, but left."""

import asyncio
from collections.abc import Awaitable
from concurrent.futures import wait
from time import monotonic
from typing import Any, NamedTuple

from ...domain.errors import StepTimedOut
from ...domain.execution.cancellation import INTERRUPTED, TIMED_OUT
from ...domain.execution.executors import tell_to_stop
from ...domain.execution.step import Executed, Raised, Returned
from ...domain.execution.step_loop import Execute, run_executor
from ..concurrency.threads import Call, ThreadPool

_LEAST = 0.01
"""Seconds after which it is looked again whether the call has begun, where it waits for a thread."""

_LONGEST = 1.0
"""Seconds that a thread waits at a time. A signal that another thread takes, or that comes at the very moment in which
the wait begins, doesn't end it: Python sees it behind the wait.
"""


class Timed(NamedTuple):
    """What came of a call, and how many seconds of its time were left."""

    outcome: Executed
    left: float


def call_in_time(asked: Execute, threads: ThreadPool) -> Timed:
    """Call the executor in a thread, and wait until it ends or its time is over. An awaitable is its outcome."""
    timed = _TimedCall(asked)
    try:  # a signal may interrupt this anywhere, also when a thread has just taken the call
        # No loop in here: Python doesn't count its jump back as part of the try.
        timed.wait_for_end(timed.begin(threads))
        return timed.conclude()
    finally:
        timed.leave()


async def acall_in_time(asked: Execute, threads: ThreadPool) -> Timed:
    """The same for a task."""
    timed = _TimedCall(asked)
    future: asyncio.Future[Executed] | None = None
    try:
        future = asyncio.wrap_future(timed.begin(threads).future)
        await timed.await_end(future)
        return timed.conclude()
    finally:
        if future is not None:
            future.cancel()  # the loop may be closed when the call ends
        timed.leave()


class _TimedCall:
    """The call of an executor in a thread. Its time begins when a thread has taken it."""

    def __init__(self, asked: Execute) -> None:
        self._asked = asked
        self._timeout = asked.timeout or 0.0
        self._began: float | None = None
        self._call: Call | None = None
        """None: it may have begun all the same, where beginning it was interrupted."""

    def begin(self, threads: ThreadPool) -> Call:
        """Let a thread take it, at once or when one is free."""
        self._call = threads.begin(self._run)
        return self._call

    def _run(self) -> Executed:
        self._began = monotonic()
        return run_executor(self._asked.executor, self._asked.context, return_awaitable)

    def _left(self) -> float | None:
        """Seconds; None: it hasn't begun."""
        return None if self._began is None else self._began + self._timeout - monotonic()

    def wait_for_end(self, call: Call) -> None:
        """Until it has ended, or its time is over."""
        while not self.is_over():
            wait((call.future,), min(self.patience(), _LONGEST))

    async def await_end(self, future: asyncio.Future[Executed]) -> None:
        """The same for a task."""
        while not self.is_over():
            await asyncio.wait((future,), timeout=self.patience())

    def patience(self) -> float:
        """Seconds to wait before asking again whether it is over."""
        left = self._left()
        return max(self._timeout, _LEAST) if left is None else max(left, 0.0)

    def is_over(self) -> bool:
        """Whether it has ended, or its time is over."""
        left = self._left()
        return self._is_done() or (left is not None and left <= 0)

    def _is_done(self) -> bool:
        return self._call is not None and self._call.future.done()

    def conclude(self) -> Timed:
        """What came of it. Raises a shutdown, and StorageUnavailable where there is no thread for it."""
        if self._call is not None and self._call.future.done():
            # Also where the time is over: what is there by now is what has come of it.
            return Timed(self._call.future.result(), self._left() or 0.0)
        tell_to_stop(self._asked.context, TIMED_OUT)
        return Timed(Raised(StepTimedOut(self._asked.context.node.id, self._timeout)), 0.0)

    def leave(self) -> None:
        """Nobody waits for it any more, whether its time was over or the caller was interrupted."""
        if not self._is_done():
            tell_to_stop(self._asked.context, INTERRUPTED)
            if self._call is not None:
                self._call.abandon()


def return_awaitable(awaitable: Awaitable[Any]) -> Executed:
    """It is awaited where the caller wants it."""
    return Returned(awaitable)
