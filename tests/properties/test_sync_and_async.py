"""Sync and async twins record the same; shutdowns pass through and leave a run to recover."""

import asyncio
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.ledger.ledger import Ledger

from .held_step_harness import LINE


def mixed(url: str) -> tuple[Ledger, list[str]]:
    registry = fl.ExecutorRegistry()
    where: list[str] = []

    @registry.register("sync")
    def sync(step: fl.StepContext) -> Any:
        where.append("sync")
        return {"payload": step.payload, "runs": step.runs}

    @registry.register("async")
    async def asynchronous(step: fl.StepContext) -> Any:
        await asyncio.sleep(0)
        where.append("async")
        return {"payload": step.payload, "runs": step.runs}

    @registry.register("awaitable")
    def awaitable(step: fl.StepContext) -> Any:
        return asynchronous(step)

    @registry.register("fails")
    async def fails(step: fl.StepContext) -> Any:
        await asyncio.sleep(0)
        raise ValueError("after a while")

    @registry.register("waits")
    async def waits(step: fl.StepContext) -> Any:
        return step.payload or fl.Pause("tell me")

    ledger = fl.open_ledger(url, registry)
    types = ["sync", "async", "awaitable", "waits", "async", "fails"]
    definition = {
        "nodes": [{"id": f"n{index}", "type": type} for index, type in enumerate(types)],
        "edges": [{"source": f"n{index}", "target": f"n{index + 1}"} for index in range(len(types) - 1)],
    }
    ledger.workflows.save(definition, workflow_id="mixed")
    return ledger, where


def shape(ledger: Ledger, run: fl.Run) -> Any:
    moments = ("recorded_at", "started_at", "finished_at", "spent", "after", "correlation_id")
    events = [
        (event.type, {key: value for key, value in event.data.items() if key not in moments and key != "error"})
        for event in ledger.history.events(run.id)
    ]
    return run.status, events


def test_sync_and_async_twins_record_the_same(store_url: str) -> None:
    ledger, where = mixed(store_url)
    with ledger:
        paused = ledger.runs.start("mixed", payload=[1], by="ada")
        assert paused.status == "paused"
        ended = ledger.runs.resume(paused.id, payload="go", by="bob")

        async def the_same() -> fl.Run:
            run = await ledger.runs.astart("mixed", payload=[1], by="ada")
            assert (await ledger.runs.aget(run.id)).status == "paused"
            run = await ledger.runs.aresume(run.id, payload="go", by="bob")
            assert await ledger.runs.aproceed(run.id) == run
            assert await ledger.history.asnapshot(run.id, 2) == ledger.history.snapshot(run.id, 2)
            snapshots = [snapshot async for snapshot in ledger.history.asnapshots(run.id)]
            assert snapshots == list(ledger.history.snapshots(run.id))
            return run

        other = asyncio.run(the_same())
        assert ended.status == "failed"
        assert shape(ledger, other) == shape(ledger, ended)
        assert where == ["sync", "async", "async", "async"] * 2


def test_sync_calls_inside_a_running_loop_complete_async_executors(store_url: str) -> None:
    ledger, _ = mixed(store_url)

    async def inside() -> tuple[fl.Run, fl.Run]:
        run = ledger.runs.start("mixed", payload=[1], by="ada")
        return run, ledger.runs.resume(run.id, payload="go", by="bob")

    with ledger:
        paused, ended = asyncio.run(inside())
        outside = ledger.runs.resume(ledger.runs.start("mixed", payload=[1], by="ada").id, payload="go", by="bob")
        assert (paused.status, ended.status) == ("paused", "failed")
        assert shape(ledger, ended) == shape(ledger, outside)


def test_a_cancelled_task_leaves_a_run_that_can_be_recovered(store_url: str) -> None:
    registry = fl.ExecutorRegistry()
    keys: list[str] = []
    release = asyncio.Event()
    began = asyncio.Event()

    @registry.register("quick")
    @registry.register("held")
    async def held(step: fl.StepContext) -> str:
        keys.append(step.idempotency_key)
        if step.node.id == "held":
            began.set()
            await release.wait()
        return step.node.id

    async def story() -> None:
        task = asyncio.create_task(ledger.runs.astart("line"))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (run_id,) = {key.partition(":")[0] for key in keys}
        assert (await ledger.runs.aget(run_id)).status == "active"
        release.set()
        assert (await ledger.runs.aproceed(run_id)).status == "completed"
        assert keys == [f"{run_id}:{node}:1" for node in ("first", "held", "held", "last")]

    with fl.open_ledger(store_url, registry) as ledger:
        ledger.workflows.save(LINE, workflow_id="line")
        asyncio.run(story())


def test_a_task_of_its_own_that_an_executor_finds_cancelled_fails_its_step(store_url: str) -> None:
    registry = fl.ExecutorRegistry()
    registry.register("quick")(lambda step: step.node.id)

    @registry.register("held")
    async def held(step: fl.StepContext) -> None:
        inner = asyncio.ensure_future(asyncio.sleep(3600))
        inner.cancel()
        await inner

    with fl.open_ledger(store_url, registry) as ledger:
        ledger.workflows.save(LINE, workflow_id="line")
        for run in (ledger.runs.start("line"), asyncio.run(ledger.runs.astart("line"))):
            assert run.status == "failed"
            assert "CancelledError" in (run.snapshot.context["held"][0].error or "")


@pytest.mark.parametrize("shutdown", [KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_shutdown_passes_through_and_leaves_the_step_to_a_recovery(
    store_url: str, shutdown: type[BaseException], is_async: bool
) -> None:
    registry = fl.ExecutorRegistry()
    registry.register("quick")(lambda step: step.node.id)
    stops = [shutdown()]

    def held(step: fl.StepContext) -> str:
        if stops:
            raise stops.pop()
        return step.idempotency_key

    async def aheld(step: fl.StepContext) -> str:
        return held(step)

    registry.register("held")(aheld if is_async else held)
    with fl.open_ledger(store_url, registry) as ledger:
        ledger.workflows.save(LINE, workflow_id="line")
        run = ledger.runs.start("line", wait=False)
        with pytest.raises(shutdown):
            ledger.runs.proceed(run.id)
        assert ledger.runs.get(run.id).status == "active"
        assert ledger.runs.get(run.id).version == 3
        ended = ledger.runs.proceed(run.id)
        assert ended.status == "completed"
        assert ended.snapshot.context["held"][0].output == f"{run.id}:held:1"
