"""Runs the step loop: calls executors, and commits the events that the loop yields."""

import asyncio
import functools
import inspect
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, get_args

from ...domain.execution.step import Outcome, Raised, Returned, failure_of
from ...domain.execution.step_loop import Append, Execute, Recall, StepLoop, run_executor
from ...domain.ports import NewEvent
from ..concurrency.threads import HasThreads, ThreadPool, Threads, threads_of

_Owner = TypeVar("_Owner")
_ThreadedOwner = TypeVar("_ThreadedOwner", bound=HasThreads)
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


def run_steps(step_loop: StepLoop, commit: Commit) -> None:
    """Run the loop to its end in this thread."""
    with closing(commit), _Awaiter() as awaiter:
        answer: Outcome | None = None
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
            else:
                answer = run_executor(asked.executor, asked.context, awaiter.finish)


async def arun_steps(step_loop: StepLoop, commit: Commit, threads: Threads) -> None:
    """Run the loop to its end: async executors are awaited here, sync ones run in a thread."""
    with closing(commit):
        answer: Outcome | None = None
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
            else:
                answer = await _acall(asked, threads.executors)


async def _acall(asked: Execute, threads: ThreadPool) -> Outcome:
    executor, context = asked
    if executor.is_async:
        outcome = run_executor(executor, context, _return_awaitable)
    else:
        outcome = await threads.run(run_executor, executor, context, _return_awaitable)
    if not (isinstance(outcome, Returned) and inspect.isawaitable(outcome.value)):
        return outcome
    handled, task = sys.exception(), asyncio.current_task()
    # A caller may clean up while it is being cancelled: what was asked for before doesn't count.
    before = 0 if task is None else task.cancelling()
    try:
        return Returned(await outcome.value)
    except asyncio.CancelledError as error:
        if task is not None and task.cancelling() > before:
            raise  # the caller was cancelled; else it was something that the executor itself awaited
        return Raised(error)
    except BaseException as error:  # noqa: BLE001 - whatever an executor raises is recorded
        return failure_of(error, handled)


def _return_awaitable(awaitable: Awaitable[Any]) -> Any:
    """It is awaited later, on the caller's loop."""
    return awaitable


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
                run_steps(*execution.work)
            except (KeyboardInterrupt, SystemExit) as interrupt:
                if execution.interrupted is not None:
                    interrupt.add_note(execution.interrupted)
                raise
        return execution.result()

    return _name_method(method, prepare.__name__.removeprefix("_"))


def asynchronous(
    prepare: Callable[Concatenate[_ThreadedOwner, _Params], PreparedCall[_Result]],
) -> Callable[Concatenate[_ThreadedOwner, _Params], Coroutine[Any, Any, _Result]]:
    """The async variant of the same method.

    Preparing may read the store, so it runs in a thread of the store's pool.
    """

    @functools.wraps(prepare)
    async def method(self: _ThreadedOwner, /, *args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        threads = threads_of(self)
        execution = await threads.store.run(prepare, self, *args, **kwargs)
        if execution.work is not None:
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


class _Awaiter:
    """Completes awaitables for sync callers, on one event loop per call, made for the first awaitable."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None
        self._thread: ThreadPool | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_interrupted = False

    def __enter__(self) -> "_Awaiter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            self._submit(self._runner.close)
        if self._thread is not None:
            self._thread.close()

    def finish(self, awaitable: Awaitable[Any]) -> Any:
        if self._runner is None:
            self._runner = asyncio.Runner()
            if _loop_is_running():  # a sync call in async code: this thread has a running loop, so use another
                self._thread = ThreadPool("flowledger-async", 1)

        async def await_it() -> Any:
            self._task = asyncio.current_task()
            if self._is_interrupted:
                raise asyncio.CancelledError
            return await awaitable

        runner = self._runner
        # The caller's context of now: the runner would use that of the first awaitable for all.
        around = copy_context()
        return self._submit(lambda: runner.run(await_it(), context=around))

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


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
