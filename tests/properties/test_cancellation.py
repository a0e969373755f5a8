"""Async calls that are cancelled from outside leave their run to be recovered; what an executor cancels is its own."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

import flowledger as fl

LINE = {
    "nodes": [{"id": "first", "type": "quick"}, {"id": "held", "type": "held"}],
    "edges": [{"source": "first", "target": "held"}],
}

Call = Callable[[fl.Ledger], Coroutine[Any, Any, fl.Run]]


class Held:
    """An executor that waits in its first execution, until it is cancelled or let go."""

    def __init__(self, *, is_async: bool) -> None:
        self.attempts: list[int] = []
        self.began = asyncio.Event()
        self.let_go = threading.Event()
        self.executors = fl.ExecutorRegistry()
        self.executors.register("quick")(lambda step: step.payload)
        self.executors.register("ask")(lambda step: fl.Pause("go?") if step.payload is None else "go")
        do = self._await if is_async else self._block
        self.executors.register("held", retry=fl.RetryPolicy(max_retries=1, interval=0))(do)
        self._loop = asyncio.get_running_loop()

    async def _await(self, step: fl.StepContext) -> Any:
        self.attempts.append(step.attempt)
        if len(self.attempts) == 1:
            self.began.set()
            await asyncio.Event().wait()
        return "done"

    def _block(self, step: fl.StepContext) -> Any:
        self.attempts.append(step.attempt)
        if len(self.attempts) == 1:
            self._loop.call_soon_threadsafe(self.began.set)
            self.let_go.wait()
        return "done"


async def cancel_task(work: Awaitable[Any], held: Held) -> None:
    task = asyncio.ensure_future(work)
    await held.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def time_out(work: Awaitable[Any], held: Held) -> None:
    async def limited() -> None:
        async with asyncio.timeout(None) as scope:
            asyncio.ensure_future(held.began.wait()).add_done_callback(lambda _: scope.reschedule(0))
            await work

    with pytest.raises(TimeoutError):
        await limited()


async def wait_for(work: Awaitable[Any], held: Held) -> None:
    waiting = asyncio.ensure_future(asyncio.wait_for(work, 3600))
    await held.began.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def fail_beside_it(work: Awaitable[Any], held: Held) -> None:
    async def fail() -> None:
        await held.began.wait()
        raise OSError("another task of the group")

    async def await_it() -> None:
        await work

    async def together() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(await_it())
            group.create_task(fail())

    with pytest.raises(ExceptionGroup):
        await together()


SCOPES = {
    "a task": cancel_task,
    "a timeout": time_out,
    "wait_for": wait_for,
    "a group": fail_beside_it,
}


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("scope", SCOPES)
async def test_a_call_that_is_cancelled_leaves_its_run_to_be_recovered(
    scope: str, is_async: bool, store_url: str
) -> None:
    held = Held(is_async=is_async)
    async with fl.open_ledger(store_url, held.executors) as ledger:
        await ledger.workflows.asave(LINE, workflow_id="w", by="ada")
        await SCOPES[scope](ledger.runs.astart("w", payload=1), held)
        held.let_go.set()
        (row,) = await ledger.history.aruns("w")
        run = await ledger.runs.aget(row.id)
        assert (run.status, "held" in run.snapshot.context) == ("active", False)
        run = await ledger.runs.aproceed(run.id)
        assert (run.status, held.attempts) == ("completed", [1, 1])
        assert (await ledger.averify()).ok


async def test_a_resume_and_a_recovery_can_be_cancelled_as_well() -> None:
    held = Held(is_async=True)
    async with fl.open_ledger("memory:", held.executors) as ledger:
        definition = LINE | {"nodes": [{"id": "first", "type": "ask"}, LINE["nodes"][1]]}
        await ledger.workflows.asave(definition, workflow_id="asks", by="ada")
        run = await ledger.runs.astart("asks")
        await cancel_task(ledger.runs.aresume(run.id, payload="yes"), held)
        held.attempts.clear()
        held.began.clear()
        await cancel_task(ledger.runs.aproceed(run.id), held)
        assert (await ledger.runs.aget(run.id)).status == "active"
        assert (await ledger.runs.aproceed(run.id)).status == "completed"


async def _own_cancel() -> None:
    raise asyncio.CancelledError("its own")


async def _own_task() -> None:
    task = asyncio.ensure_future(asyncio.Event().wait())
    task.cancel()
    await task


async def _own_timeout() -> None:
    async with asyncio.timeout(0):
        await asyncio.Event().wait()


async def _leaking_timeout() -> None:
    """As old clients of HTTP do it: they cancel their own task, and never take that back."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise TimeoutError("leaks") from None


OWN: dict[str, tuple[Callable[[], Awaitable[None]], str]] = {
    "its own": (_own_cancel, "CancelledError: its own"),
    "a task of its own": (_own_task, "CancelledError: "),
    "a timeout of its own": (_own_timeout, "TimeoutError: "),
    "a timeout of a library that leaks": (_leaking_timeout, "TimeoutError: leaks"),
}


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("how", ["start", "astart", "while cleaning up"])
async def test_what_an_executor_cancels_itself_fails_its_step(name: str, how: str) -> None:
    do, error = OWN[name]
    executors = fl.ExecutorRegistry()
    executors.register("quick")(lambda step: step.payload)
    executors.register("held")(lambda step: do())
    ledger = await asyncio.to_thread(fl.open_ledger, "memory:", executors)
    await ledger.workflows.asave(LINE, workflow_id="w", by="ada")

    async def clean_up() -> fl.Run:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await ledger.runs.astart("w")
        raise AssertionError

    if how == "start":
        run = await asyncio.to_thread(ledger.runs.start, "w")
    elif how == "astart":
        run = await asyncio.ensure_future(ledger.runs.astart("w"))
    else:
        task = asyncio.ensure_future(clean_up())
        await asyncio.sleep(0)
        task.cancel()
        run = await task
    assert (run.status, run.snapshot.context["held"][-1].error) == ("failed", error)
    await ledger.aclose()


async def test_after_a_library_that_leaked_a_cancellation_the_next_step_is_judged_by_itself() -> None:
    executors = fl.ExecutorRegistry()

    @executors.register("quick")
    async def leaks(step: fl.StepContext) -> None:
        with contextlib.suppress(TimeoutError):
            await _leaking_timeout()

    executors.register("held")(lambda step: _own_cancel())
    async with fl.open_ledger("memory:", executors) as ledger:
        await ledger.workflows.asave(LINE, workflow_id="w", by="ada")
        run = await asyncio.ensure_future(ledger.runs.astart("w"))
        assert run.snapshot.context["held"][-1].error == "CancelledError: its own"
