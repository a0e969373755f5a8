"""Steps that start runs and wait for them come to an end, however many and however deep, on however few threads."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import flowledger as fl

from .harness import MAX_WAIT, Harness

Way = Callable[[Harness, asyncio.AbstractEventLoop, int], Any]
"""How a step has a run of "parent" executed, which still has so many levels below it."""


def over_the_loop(harness: Harness, loop: asyncio.AbstractEventLoop, left: int) -> Any:
    return asyncio.run_coroutine_threadsafe(harness.ledger.runs.astart("parent", left), loop).result(MAX_WAIT)


def over_a_coroutine_of_the_application(harness: Harness, loop: asyncio.AbstractEventLoop, left: int) -> Any:
    async def application() -> fl.Run:
        return await asyncio.create_task(harness.ledger.runs.astart("parent", left))

    return asyncio.run_coroutine_threadsafe(application(), loop).result(MAX_WAIT)


def over_a_callback(harness: Harness, loop: asyncio.AbstractEventLoop, left: int) -> Any:
    done = threading.Event()
    tasks: list[asyncio.Task[fl.Run]] = []

    def start() -> None:
        tasks.append(loop.create_task(harness.ledger.runs.astart("parent", left)))
        tasks[0].add_done_callback(lambda _: done.set())

    loop.call_soon_threadsafe(start)
    assert done.wait(MAX_WAIT)
    return tasks[0].result()


def on_a_loop_of_its_own(harness: Harness, loop: asyncio.AbstractEventLoop, left: int) -> Any:
    return asyncio.run(harness.ledger.runs.astart("parent", left))


def in_its_own_thread(harness: Harness, loop: asyncio.AbstractEventLoop, left: int) -> Any:
    return harness.ledger.runs.start("parent", left)


def in_its_own_thread_and_over_the_loop(harness: Harness, loop: asyncio.AbstractEventLoop, left: int) -> Any:
    return (in_its_own_thread if left % 2 else over_the_loop)(harness, loop, left)


def first_queued_then_gone_on_with(harness: Harness, loop: asyncio.AbstractEventLoop, left: int) -> Any:
    run = harness.ledger.runs.start("parent", left, wait=False)
    return asyncio.run_coroutine_threadsafe(harness.ledger.runs.aproceed(run.id), loop).result(MAX_WAIT)


def through_an_async_step(harness: Harness, loop: asyncio.AbstractEventLoop, left: int) -> Any:
    return asyncio.run_coroutine_threadsafe(harness.ledger.runs.astart("relay", left), loop).result(MAX_WAIT)


WAYS = [
    over_the_loop, over_a_coroutine_of_the_application, over_a_callback, on_a_loop_of_its_own, in_its_own_thread,
    in_its_own_thread_and_over_the_loop, first_queued_then_gone_on_with, through_an_async_step,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("threads", [1, 3])
async def test_a_step_that_waits_for_a_run_it_started_ends(store_url: str, way: Way, threads: int) -> None:
    loop = asyncio.get_running_loop()
    harness = Harness(store_url, threads)

    def parent(step: fl.StepContext) -> Any:
        if step.payload == 0:
            return 0
        run = way(harness, loop, step.payload - 1)
        return run.snapshot.context["a"][0].output + 1

    async def relay(step: fl.StepContext) -> Any:
        run = await harness.ledger.runs.astart("parent", step.payload)
        return run.snapshot.context["a"][0].output

    with harness.ledger as ledger:
        harness.add("parent", parent)
        harness.add("relay", relay)
        runs = await asyncio.gather(*(ledger.runs.astart("parent", 4) for _ in range(12)))
        assert [run.snapshot.context["a"][0].output for run in runs] == [4] * 12, runs[0].snapshot


async def test_ledgers_and_engines_whose_steps_wait_for_each_other_come_to_an_end(store_url: str) -> None:
    loop = asyncio.get_running_loop()
    harnesses = [Harness(store_url, threads=1), Harness("memory:", threads=1)]
    engine_executors = fl.ExecutorRegistry()
    engine_executors.register("back")(lambda step: call(harnesses[0].ledger, step.payload - 1))
    definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "a", "type": "back"}]})
    engine = fl.Engine(definition, engine_executors)

    def call(ledger: fl.Ledger, left: int) -> Any:
        started = ledger.runs.astart("parent", left)
        return asyncio.run_coroutine_threadsafe(started, loop).result(MAX_WAIT).snapshot.context["a"][0].output

    def parent(harness: int, step: fl.StepContext) -> Any:
        if step.payload <= 0:
            return "the end"
        if step.payload % 3:
            return call(harnesses[1 - harness].ledger, step.payload - 1)
        execution = engine.aexecute(payload=step.payload)
        return asyncio.run_coroutine_threadsafe(execution, loop).result(MAX_WAIT).context["a"][0].output

    for number, harness in enumerate(harnesses):
        harness.add("parent", lambda step, number=number: parent(number, step))
    runs = await asyncio.gather(*(harness.ledger.runs.astart("parent", 8) for harness in harnesses for _ in range(6)))
    assert {run.snapshot.context["a"][0].output for run in runs} == {"the end"}
    for harness in harnesses:
        harness.ledger.close()


async def test_the_many_runs_that_a_step_starts_at_once_take_one_thread_beside_its_own(store_url: str) -> None:
    loop = asyncio.get_running_loop()
    harness = Harness(store_url, threads=1)

    async def all_children() -> list[fl.Run]:
        return await asyncio.gather(*(harness.ledger.runs.astart("quick", number) for number in range(50)))

    def parent(step: fl.StepContext) -> Any:
        runs = asyncio.run_coroutine_threadsafe(all_children(), loop).result(MAX_WAIT)
        return [run.snapshot.context["a"][0].output for run in runs]

    with harness.ledger as ledger:
        harness.add("parent", parent)
        run = await ledger.runs.astart("parent")
        assert run.snapshot.context["a"][0].output == list(range(50))
        assert len(set(harness.names)) == 1


async def test_what_a_step_started_and_left_to_itself_ends_after_it(store_url: str) -> None:
    loop = asyncio.get_running_loop()
    harness = Harness(store_url, threads=1)
    children: list[asyncio.Future[fl.Run]] = []

    def parent(step: fl.StepContext) -> None:
        started = asyncio.run_coroutine_threadsafe(harness.ledger.runs.astart("held"), loop)
        children.append(asyncio.wrap_future(started, loop=loop))
        assert harness.begun.acquire(timeout=MAX_WAIT)

    with harness.ledger as ledger:
        harness.add("parent", parent)
        assert (await ledger.runs.astart("parent")).status == "completed"
        another = asyncio.create_task(ledger.runs.astart("quick"))
        while not ledger._threads.executors._slots.waiting:  # the held one has taken over the only slot
            await asyncio.sleep(0)
        harness.let_go.set()
        assert {run.status for run in await asyncio.gather(another, *children)} == {"completed"}
