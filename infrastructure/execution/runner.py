"""Runs the step loop: calls executors, and commits the events that the loop yields."""

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable, Coroutine
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, get_args

from ...domain.events.channel import acting_through
from ...domain.events.seal import sealing_with
from ...domain.execution.cancellation import INTERRUPTED
from ...domain.execution.executors import tell_to_stop
from ...domain.execution.step import Outcome, Raised, Returned, failure_of
from ...domain.execution.step_loop import Admit, Append, Execute, Recall, StepLoop, run_executor
from ...domain.ports import NewEvent
from ..concurrency.threads import HasThreads, ThreadPool, Threads, threads_of
from .awaiter import Awaiter
from .awaiting import await_executor, await_in_time
from .timed_call import acall_in_time, call_in_time, return_awaitable

_Owner = TypeVar("_Owner", bound=HasThreads)
_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")
_Function = TypeVar("_Function", bound=Callable[..., Any])


class Commit(Protocol):
    """Makes events durable (where there is a store) and folds them into the run's state."""

    def __call__(self, events: list[NewEvent], /) -> None: ...

    async def acommit(self, events: list[NewEvent], /) -> None:
        """The same for a task."""

    def close(self) -> None:
        """The loop is over, or was interrupted: hold nothing back."""


def run_steps(step_loop: StepLoop, commit: Commit, threads: ThreadPool) -> None:
    """Run the loop to its end in this thread; but a sync executor that has a timeout is called in another one."""
    with closing(commit), Awaiter() as awaiter:
        finish = awaiter.finish
        answer: Outcome | bool | None = None
        while True:
            try:
                asked = step_loop.send(answer)
            except StopIteration:
                return
            if isinstance(asked, Append):
                commit(asked.events)
                answer = None
            elif isinstance(asked, Recall):
                answer = asked.find()
            elif isinstance(asked, Admit):
                answer = _wait_for_turn(asked)
            else:
                awaiter.asked = asked
                with sealing_with(asked.seal) if asked.seal else _PLAIN:
                    if asked.timeout is None or asked.executor.is_async:
                        answer = run_executor(asked.executor, asked.context, finish)
                    else:
                        answer = _call_in_time(asked, awaiter, threads)


_PLAIN = nullcontext()


def _call_in_time(asked: Execute, awaiter: Awaiter, threads: ThreadPool) -> Outcome:
    outcome, left = call_in_time(asked, threads)
    if isinstance(outcome, Returned) and hasattr(outcome.value, "__await__"):
        return awaiter.finish_in_time(outcome.value, left)
    return outcome


async def arun_steps(step_loop: StepLoop, commit: Commit, threads: Threads) -> None:
    """Run the loop to its end: async executors are awaited here, sync ones run in a thread."""
    with closing(commit):
        answer: Outcome | bool | None = None
        while True:
            try:
                asked = step_loop.send(answer)
            except StopIteration:
                return
            if isinstance(asked, Append):
                await commit.acommit(asked.events)
                answer = None
            elif isinstance(asked, Recall):
                answer = await threads.store.run(asked.find)
            elif isinstance(asked, Admit):
                answer = await _await_turn(asked, threads)
            else:
                with sealing_with(asked.seal) if asked.seal else _PLAIN:
                    answer = await _acall(asked, threads.executors)


def _wait_for_turn(asked: Admit) -> bool:
    cancellation = asked.cancellation
    while not cancellation.is_set():
        pause = asked.ask()
        if not pause:
            return True
        cancellation.wait(pause)
    return False


async def _await_turn(asked: Admit, threads: Threads) -> bool:
    """No thread is taken while it waits."""
    while not asked.cancellation.is_set():
        pause = await threads.store.run(asked.ask)
        if not pause:
            return True
        await asyncio.sleep(pause)
    return False


async def _acall(asked: Execute, threads: ThreadPool) -> Outcome:
    left = asked.timeout
    outcome: Outcome
    if asked.executor.is_async:
        outcome = run_executor(asked.executor, asked.context, return_awaitable)
    elif left is not None:
        outcome, left = await acall_in_time(asked, threads)
    else:
        outcome = await _acall_in_thread(asked, threads)
    if not (isinstance(outcome, Returned) and inspect.isawaitable(outcome.value)):
        return outcome
    if left is not None:
        return await await_in_time(asked, outcome.value, left)
    handled, task = sys.exception(), asyncio.current_task()
    # A caller may clean up while it is being cancelled: what was asked for before doesn't count.
    before = 0 if task is None else task.cancelling()
    try:
        return await await_executor(asked, outcome.value)
    except asyncio.CancelledError as error:
        if task is not None and task.cancelling() > before:
            raise  # the caller was cancelled; else it was something that the executor itself awaited
        return Raised(error)
    except BaseException as error:  # noqa: BLE001 - whatever an executor raises is recorded
        return failure_of(error, handled)


async def _acall_in_thread(asked: Execute, threads: ThreadPool) -> Outcome:
    try:
        return await threads.run(run_executor, asked.executor, asked.context, return_awaitable)
    except asyncio.CancelledError:
        tell_to_stop(asked.context, INTERRUPTED)  # the thread goes on
        raise


@dataclass(frozen=True, slots=True)
class PreparedCall(Generic[_Result]):
    """A prepared call: the steps to execute, and the result afterwards."""

    work: tuple[StepLoop, Commit] | None
    """The steps and the commit of their events; None: there is nothing to execute."""
    result: Callable[[], _Result]
    interrupted: str | None = None
    """A note for the user who interrupts it."""


def synchronous(
    prepare: Callable[Concatenate[_Owner, _Params], PreparedCall[_Result]],
) -> Callable[Concatenate[_Owner, _Params], _Result]:
    """The public method that runs the call that ``prepare`` returns, in this thread."""

    @functools.wraps(prepare)
    def method(self: _Owner, /, *args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        execution = prepare(self, *args, **kwargs)
        if execution.work is not None:
            try:
                with acting_through(None):  # what executors do, nobody does through this channel
                    run_steps(*execution.work, threads_of(self).executors)
            except (KeyboardInterrupt, SystemExit) as interrupt:
                if execution.interrupted is not None:
                    interrupt.add_note(execution.interrupted)
                raise
        return execution.result()

    return _name_method(method, prepare.__name__.removeprefix("_"))


def asynchronous(
    prepare: Callable[Concatenate[_Owner, _Params], PreparedCall[_Result]],
) -> Callable[Concatenate[_Owner, _Params], Coroutine[Any, Any, _Result]]:
    """The async variant of the same method.

    Preparing may read the store, so it runs in a thread of the store's pool.
    """

    @functools.wraps(prepare)
    async def method(self: _Owner, /, *args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        threads = threads_of(self)
        execution = await threads.store.run(prepare, self, *args, **kwargs)
        if execution.work is not None:
            with acting_through(None):
                await arun_steps(*execution.work, threads)
        return execution.result()

    return _name_method(method, "a" + prepare.__name__.removeprefix("_"))


def _name_method(method: _Function, name: str) -> _Function:
    """Give it the public name and result type, which help() and tracebacks show."""
    signature = inspect.signature(method)
    (result,) = get_args(signature.return_annotation)
    method.__signature__ = signature.replace(return_annotation=result)  # type: ignore[attr-defined]
    method.__qualname__ = f"{method.__qualname__.rpartition('.')[0]}.{name}"
    method.__name__ = name
    return method
