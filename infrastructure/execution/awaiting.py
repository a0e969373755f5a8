"""Async executors, and what stops them: their time is over, or their run was taken over."""

import asyncio
import sys
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Final

from ...domain.errors import StepCancelled, StepTimedOut
from ...domain.execution.cancellation import INTERRUPTED, TAKEN_OVER, TIMED_OUT
from ...domain.execution.executors import tell_to_stop
from ...domain.execution.step import Executed, Raised, Returned, failure_of
from ...domain.execution.step_loop import Execute

GRACE: Final = 5.0
"""Seconds that an executor is given to clean up when it is cancelled. After that nobody waits for it any longer."""

_STOPPING: Final = frozenset({TAKEN_OVER})
"""A cancellation and a hold let the step come to its end, as its outcome is recorded yet; they only tell it."""

_left: set[asyncio.Task[Any]] = set()
"""Tasks that didn't end when they were cancelled: event loops keep no hold of their tasks."""


async def await_executor(asked: Execute, awaitable: Awaitable[Any]) -> Executed:
    """Await it in this task, which is cancelled when the run is taken over. Raises what it raises, also that.

    No task of its own: it sees that of the caller, and what the caller's context holds.
    """
    cancellation, task = asked.cancellation, asyncio.current_task()
    if cancellation is None or task is None:
        return Returned(await awaitable)
    stop = _Stop(task)
    cancellation.add_listener(stop.tell)
    try:
        return Returned(await awaitable)
    except asyncio.CancelledError:
        if not stop.is_why():
            raise
        return Raised(StepCancelled(asked.context.node.id, str(cancellation.reason)))
    finally:
        cancellation.remove_listener(stop.tell)
        stop.end()


class _Stop:
    """Cancels a task while it awaits an executor, and takes that back."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._before = task.cancelling()
        self._has_cancelled = False
        self._is_over = False

    def tell(self, reason: str) -> None:
        """In any thread."""
        if reason in _STOPPING:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if not self._is_over and not self._has_cancelled:
            self._has_cancelled = True
            self._task.cancel()

    def is_why(self) -> bool:
        """Whether a CancelledError came of this alone, and not of a caller who cancelled the task as well."""
        return self._has_cancelled and self._task.cancelling() - 1 <= self._before

    def end(self) -> None:
        self._is_over = True
        if self._has_cancelled:
            self._task.uncancel()


async def await_in_time(asked: Execute, awaitable: Awaitable[Any], seconds: float) -> Executed:
    """Await it in a task of its own for so many seconds. Raises a shutdown, and CancelledError of the caller."""
    loop, cancellation = asyncio.get_running_loop(), asked.cancellation
    task = loop.create_task(_settle(awaitable, sys.exception()))

    def stop(reason: str) -> None:
        if reason in _STOPPING:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(task.cancel)

    if cancellation is not None:
        cancellation.add_listener(stop)
    try:
        await asyncio.wait((task,), timeout=max(seconds, 0))
        if task.done():  # also where the time is over: what is there by now is what has come of it
            return _outcome(asked, task)
        tell_to_stop(asked.context, TIMED_OUT)
        await _end(task)
        return Raised(StepTimedOut(asked.context.node.id, asked.timeout or seconds))
    except asyncio.CancelledError:
        tell_to_stop(asked.context, INTERRUPTED)
        await _end(task)
        raise
    finally:
        if cancellation is not None:
            cancellation.remove_listener(stop)


async def _settle(awaitable: Awaitable[Any], handled: BaseException | None) -> Executed | BaseException:
    """What comes of it; a shutdown is returned, as raised in a task it would end the loop and reach no caller."""
    try:
        return Returned(await awaitable)
    except asyncio.CancelledError as error:
        return Raised(error)
    except BaseException as error:  # noqa: BLE001 - whatever an executor raises is recorded
        try:
            return failure_of(error, handled)
        except BaseException as shutdown:  # noqa: BLE001 - raised by the caller
            return shutdown


def _outcome(asked: Execute, task: asyncio.Task[Executed | BaseException]) -> Executed:
    settled = Raised(asyncio.CancelledError()) if task.cancelled() else task.result()
    if isinstance(settled, BaseException):
        raise settled
    reason = None if asked.cancellation is None else asked.cancellation.reason
    if isinstance(settled, Raised) and isinstance(settled.error, asyncio.CancelledError) and reason in _STOPPING:
        return Raised(StepCancelled(asked.context.node.id, str(reason)))
    return settled


async def _end(task: asyncio.Task[Executed | BaseException]) -> None:
    """Cancel it, and wait for it to clean up. Raises a shutdown that came while it did."""
    task.cancel()
    await asyncio.wait((task,), timeout=GRACE)
    if not task.done():
        _left.add(task)
        task.add_done_callback(_left.discard)
    elif not task.cancelled() and isinstance(shutdown := task.result(), BaseException):
        raise shutdown


def left_on(loop: asyncio.AbstractEventLoop) -> set[asyncio.Task[Any]]:
    """The tasks of the loop that didn't end; they aren't kept any longer, as the loop ends now."""
    left = {task for task in tuple(_left) if task.get_loop() is loop}
    _left.difference_update(left)
    return left
