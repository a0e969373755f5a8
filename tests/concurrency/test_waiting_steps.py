"""Steps that wait hold up nothing but steps: not the ledger's own work, and not the application's."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import pytest

import flowledger as fl

from .harness import MAX_WAIT, Harness

Call = Callable[[fl.Ledger, fl.Run, fl.Run], Awaitable[Any]]


async def all_events(ledger: fl.Ledger, run: fl.Run) -> list[str]:
    return [event.type async for event in ledger.history.aevents(run.id)]


async def cancel_all(ledger: fl.Ledger, run: fl.Run) -> list[str]:
    return [item.outcome async for item in await ledger.runs.acancel_all([run.id], by="ops")]


CALLS: dict[str, Call] = {
    "a list": lambda ledger, done, _: ledger.history.aruns(limit=1),
    "a run": lambda ledger, done, _: ledger.runs.aget(done.id),
    "its events": lambda ledger, done, _: all_events(ledger, done),
    "a snapshot": lambda ledger, done, _: ledger.history.asnapshot(done.id, version=1),
    "an audit": lambda ledger, done, _: ledger.history.aaudit(done.id),
    "a search": lambda ledger, done, _: ledger.history.aruns(text=done.id),
    "the search's lag": lambda ledger, *_: ledger.search.alag(),
    "a verification": lambda ledger, *_: ledger.averify(),
    "a workflow": lambda ledger, *_: ledger.workflows.aget("quick"),
    "a save": lambda ledger, *_: ledger.workflows.arename("quick", "Quick"),
    "a cancellation": lambda ledger, _, queued: ledger.runs.acancel(queued.id, by="ops"),
    "a bulk cancellation": lambda ledger, _, queued: cancel_all(ledger, queued),
    "a retry's preview": lambda ledger, done, _: ledger.runs.aretry(done.id, preview=True),
    "a start that is left to others": lambda ledger, *_: ledger.runs.astart("quick", wait=False),
    "a start of async executors": lambda ledger, *_: ledger.runs.astart("awaited"),
    "the application's own thread": lambda *_: asyncio.to_thread(os.getpid),
}


@pytest.mark.parametrize("durability", ["step", "batch"])
async def test_every_call_answers_beside_steps_that_wait(store_url: str, durability: Any) -> None:
    harness = Harness(store_url, threads=3, durability=durability)
    with harness.ledger as ledger:
        async with harness.busy(200, threads=3) as tasks:
            done = await ledger.runs.astart("awaited")
            for what, call in CALLS.items():
                queued = await ledger.runs.astart("quick", wait=False)
                async with asyncio.timeout(MAX_WAIT):
                    await call(ledger, done, queued)
                assert not any(task.done() for task in tasks), what
        assert {task.result().status for task in tasks} == {"completed"}
    assert {name.rpartition("-")[0] for name in harness.names} == {"flowledger-executor"}
    assert len(set(harness.names)) == 3


async def test_no_call_uses_the_pool_of_the_application(store_url: str) -> None:
    harness = Harness(store_url, threads=1)
    with harness.ledger as ledger:
        done = await ledger.runs.astart("quick")
        queued = await ledger.runs.astart("quick", wait=False)
        taken = ThreadPoolExecutor(1)
        let_go = threading.Event()
        asyncio.get_running_loop().set_default_executor(taken)
        held = asyncio.get_running_loop().run_in_executor(None, let_go.wait, MAX_WAIT)
        for what, call in CALLS.items():
            if what != "the application's own thread":
                await call(ledger, done, queued)
        await ledger.runs.astart("quick")
        await asyncio.gather(*(ledger.runs.astart("quick") for _ in range(10)))
        await fl.Engine(fl.WorkflowDefinition.model_validate(QUICK), harness.executors).aexecute()
        assert not held.done()
        let_go.set()
        assert await held


QUICK = {"nodes": [{"id": "a", "type": "quick"}]}


async def test_an_operator_who_stops_a_run_while_its_step_waits_needs_no_executor_thread(store_url: str) -> None:
    harness = Harness(store_url, threads=1)
    with harness.ledger as ledger:
        async with harness.busy(1, threads=1) as tasks:
            (summary,) = await ledger.history.aruns(workflow_id="held")
            await ledger.runs.acancel(summary.id, by="ops")
        assert tasks[0].result().status == "cancelled"


async def test_threads_see_the_context_of_their_caller(store_url: str) -> None:
    trace: ContextVar[str] = ContextVar("trace")
    seen = []

    def now() -> datetime:
        seen.append(trace.get("nothing"))
        return datetime.now(UTC)

    executors = fl.ExecutorRegistry()
    executors.register("look")(lambda step: trace.get("nothing"))
    ledger = fl.open_ledger(store_url, executors, now)
    with ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "look"}]}, workflow_id="look")
        seen.clear()
        trace.set("mine")
        run = await ledger.runs.astart("look")
        await ledger.workflows.arename("look", "Look")
        assert run.snapshot.context["a"][0].output == "mine"
        assert set(seen) == {"mine"}


def test_an_async_executor_under_a_blocked_loop_sees_the_context_of_its_caller() -> None:
    trace: ContextVar[str] = ContextVar("trace")
    executors = fl.ExecutorRegistry()

    @executors.register("look")
    async def look(step: fl.StepContext) -> Any:
        return trace.get("nothing")

    engine = fl.Engine(fl.WorkflowDefinition.model_validate({"nodes": [{"id": "a", "type": "look"}]}), executors)

    async def caller() -> fl.Snapshot:
        trace.set("mine")
        return engine.execute()

    assert asyncio.run(caller()).context["a"][0].output == "mine"


async def test_a_call_that_is_cancelled_while_its_step_waits_for_a_thread_never_executes_it(store_url: str) -> None:
    harness = Harness(store_url, threads=1)
    with harness.ledger as ledger:
        async with harness.busy(1, threads=1):
            waits = asyncio.create_task(ledger.runs.astart("quick"))
            while not (summaries := await ledger.history.aruns(workflow_id="quick")):
                await asyncio.sleep(0)
            while not ledger._threads.executors._slots.waiting:
                await asyncio.sleep(0)
            waits.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waits
        assert (await ledger.runs.aproceed(summaries[0].id)).status == "completed"
        assert len(harness.names) == 2


@pytest.mark.parametrize("threads", [0, -1, 1.0, True, "8", None])
def test_a_number_of_threads_that_is_none_is_refused(threads: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match="threads"):
        fl.open_ledger("memory:", threads=threads)
