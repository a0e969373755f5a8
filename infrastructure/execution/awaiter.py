"""Completes the awaitables of executors for sync callers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import Any

from ...domain.errors import StepCancelled, StepTimedOut
from ...domain.execution.step import Executed, Raised
from ...domain.execution.step_loop import Execute
from ..concurrency.threads import ThreadPool
from .awaiting import GRACE, await_executor, await_in_time, left_on


class Awaiter:
    """On one event loop per call, made for the first awaitable."""

    def __init__(self) -> None:
        self.asked: Execute
        """The step that is executed now."""
        self._runner: asyncio.Runner | None = None
        self._thread: ThreadPool | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_interrupted = False
        self._may_be_stuck = False
        """Whether an executor was stopped, and may have left something that doesn't end."""

    def __enter__(self) -> "Awaiter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            self._submit(partial(_abandon, self._runner) if self._may_be_stuck else self._runner.close)
        if self._thread is not None:
            self._thread.close()

    def finish(self, awaitable: Awaitable[Any]) -> Executed:
        """What comes of an awaitable of the step. Raises what it raises."""
        return self.finish_in_time(awaitable, self.asked.timeout)

    def finish_in_time(self, awaitable: Awaitable[Any], seconds: float | None) -> Executed:
        """The same, of what has so many seconds left; None: as long as it takes."""
        asked = self.asked
        if self._runner is None:
            self._runner = asyncio.Runner()
            if _loop_is_running():  # a sync call in async code: this thread has a running loop, so use another
                self._thread = ThreadPool("flowledger-async", 1)

        async def await_it() -> Executed:
            self._task = asyncio.current_task()
            if self._is_interrupted:
                raise asyncio.CancelledError
            if seconds is None:
                return await await_executor(asked, awaitable)
            return await await_in_time(asked, awaitable, seconds)

        runner = self._runner
        # The caller's context of now: the runner would use that of the first awaitable for all.
        around = copy_context()
        was_stopped = seconds is not None
        try:
            outcome: Executed = self._submit(lambda: runner.run(await_it(), context=around))
            was_stopped = isinstance(outcome, Raised) and isinstance(outcome.error, StepTimedOut | StepCancelled)
        finally:
            self._may_be_stuck |= was_stopped
        return outcome

    def _submit(self, work: Callable[[], Any]) -> Any:
        if self._thread is None:
            return work()
        done = self._thread.submit(work)
        try:
            return done.result()
        finally:
            if not done.done():
                self._interrupt()

    def _interrupt(self) -> None:
        """This thread was interrupted while it waited for the other one: end what that awaits."""
        self._is_interrupted = True  # before the task is looked at, which looks at it when it begins
        task = self._task
        if task is not None and not task.done():
            task.get_loop().call_soon_threadsafe(task.cancel)


def _abandon(runner: asyncio.Runner) -> None:
    """Close its loop without waiting for what didn't end in time: its tasks, and what they left in threads."""
    loop = runner.get_loop()
    stuck = left_on(loop)
    if others := asyncio.all_tasks(loop) - stuck:
        for task in others:
            task.cancel()
        loop.run_until_complete(asyncio.wait(others, timeout=GRACE))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.set_exception_handler(_say_nothing)
    asyncio.set_event_loop(None)
    loop.close()


def _say_nothing(_loop: asyncio.AbstractEventLoop, _context: dict[str, Any]) -> None:
    """That a task is destroyed while it is pending is known: the step's failure says it."""


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
