"""Steps of a limited type take turns: over all workers of a store, or in one of them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event, Lock, Thread

import pytest

import flowledger as fl
from flowledger.infrastructure.services.runs.slots import Turns

from .until import PATIENCE, until

CALL = {"nodes": [{"id": "a", "type": "free"}, {"id": "b", "type": "call"}], "edges": [{"source": "a", "target": "b"}]}
ONLY = {"nodes": [{"id": "b", "type": "call"}], "edges": []}


class Counter:
    """How many steps are under way, and were at most."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.now = 0
        self.most = 0
        self.may_end = Event()

    def begin(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def end(self) -> None:
        with self._lock:
            self.now -= 1


@pytest.fixture
def counter() -> Counter:
    return Counter()


def registry(counter: Counter, limit: int | None) -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()

    @executors.register("free")
    def free(step: fl.StepContext) -> None:
        return None

    @executors.register("call", limit=limit)
    def call(step: fl.StepContext) -> None:
        counter.begin()
        counter.may_end.wait(PATIENCE)
        counter.end()

    return executors


@pytest.fixture
def open_it(store_url: str) -> Iterator[Callable[..., fl.Ledger]]:
    """Call it with the executors for the ledger of the test."""
    with ExitStack() as stack:

        def opened(executors: fl.ExecutorRegistry) -> fl.Ledger:
            ledger = stack.enter_context(fl.open_ledger(store_url, executors))
            ledger.workflows.save(CALL, workflow_id="w")
            ledger.workflows.save(ONLY, workflow_id="only")
            return ledger

        yield opened


def all_end(ledger: fl.Ledger, runs: list[str]) -> None:
    until(lambda: all(ledger.runs.get(run).status == "completed" for run in runs))


@pytest.mark.parametrize("workflow", ["w", "only"])
def test_no_more_than_the_limit_are_under_way_over_all_workers(
    open_it: Callable[..., fl.Ledger], counter: Counter, workflow: str
) -> None:
    ledger = open_it(registry(counter, 2))
    runs = [ledger.runs.start(workflow, wait=False).id for _ in range(6)]
    with ledger.worker(concurrency=3), ledger.worker(concurrency=3):
        until(lambda: counter.now == 2)
        beside = Thread(target=ledger.runs.start, args=(workflow,))
        beside.start()
        counter.may_end.set()
        all_end(ledger, runs)
        beside.join()
    assert counter.most == 2
    assert ledger.workers() is not None


def test_a_worker_has_limits_of_its_own(open_it: Callable[..., fl.Ledger], counter: Counter) -> None:
    ledger = open_it(registry(counter, None))
    runs = [ledger.runs.start("w", wait=False).id for _ in range(4)]
    with ledger.worker(concurrency=4, limits={"call": 1}):
        until(lambda: counter.now == 1)
        counter.may_end.set()
        all_end(ledger, runs)
    assert counter.most == 1


def test_runs_of_other_types_go_on_meanwhile(open_it: Callable[..., fl.Ledger], counter: Counter) -> None:
    ledger = open_it(registry(counter, 1))
    ledger.workflows.save({"nodes": [{"id": "a", "type": "free"}], "edges": []}, workflow_id="other")
    limited = [ledger.runs.start("only", wait=False).id for _ in range(5)]
    with ledger.worker(concurrency=2):
        until(lambda: counter.now == 1)
        others = [ledger.runs.start("other", wait=False).id for _ in range(3)]
        all_end(ledger, others)
        counter.may_end.set()
        all_end(ledger, limited)
    assert counter.most == 1


def test_a_step_that_begins_while_room_is_counted_is_counted(
    open_it: Callable[..., fl.Ledger], counter: Counter
) -> None:
    executors = registry(counter, 1)
    custody, executor = open_it(executors).runs._services.custody, executors.get("call")
    assert custody is not None
    assert executor is not None
    slots, leases = custody.slots, custody.slots._leases
    turns = Turns(slots, "a run")
    slots.expect("call", "a run")
    read = leases.slots

    def begin_behind(now: int) -> dict[str, int]:
        found = dict(read(now))
        assert turns.ask(executor) == 0.0
        return found

    leases.slots = begin_behind  # type: ignore[method-assign]
    try:
        assert slots.room([executor])["call"] <= 0
    finally:
        leases.slots = read  # type: ignore[method-assign]
        turns.leave()


def test_a_run_that_waits_for_its_turn_hears_that_it_was_cancelled(
    open_it: Callable[..., fl.Ledger], counter: Counter
) -> None:
    ledger = open_it(registry(counter, 1))
    first = ledger.runs.start("w", wait=False).id
    with ledger.worker(concurrency=1):
        until(lambda: counter.now == 1)
        found: list[fl.Run] = []
        waiting = Thread(target=lambda: found.append(ledger.runs.start("w")))
        waiting.start()
        until(lambda: len(ledger.history.runs().items) == 2)
        (other,) = [run.id for run in ledger.history.runs().items if run.id != first]
        until(lambda: ledger.runs.get(other).version > 1)  # it stands before the step that it waits for
        ledger.runs.cancel(other, by="ada")
        waiting.join()
        assert [run.status for run in found] == ["cancelled"]
        counter.may_end.set()
        all_end(ledger, [first])
    assert counter.most == 1


def test_a_worker_that_stops_hands_back_what_waits_for_its_turn(
    open_it: Callable[..., fl.Ledger], counter: Counter
) -> None:
    ledger = open_it(registry(counter, 1))
    beside = Thread(target=ledger.runs.start, args=("only",))
    beside.start()
    until(lambda: counter.now == 1)
    run = ledger.runs.start("w", wait=False).id
    with ledger.worker():
        until(lambda: ledger.runs.get(run).version > 2)  # it stands before the step that it waits for
    counter.may_end.set()
    beside.join()
    with ledger.worker():
        all_end(ledger, [run])
    recovered = next(event for event in ledger.history.events(run) if event.type == "run.recovered")
    assert recovered.data["handed_back"] is True


async def test_tasks_take_turns_too(open_it: Callable[..., fl.Ledger]) -> None:
    counter, executors = Counter(), fl.ExecutorRegistry()
    may_end = asyncio.Event()

    @executors.register("free")
    def free(step: fl.StepContext) -> None:
        return None

    @executors.register("call", limit=2)
    async def call(step: fl.StepContext) -> None:
        counter.begin()
        await may_end.wait()
        counter.end()

    ledger = open_it(executors)
    runs = [ledger.runs.start("w", wait=False).id for _ in range(5)]
    async with ledger.aworker(), asyncio.timeout(PATIENCE):
        while counter.now < 2:
            await asyncio.sleep(0.01)
        may_end.set()
        for run in runs:
            while (await ledger.runs.aget(run)).status != "completed":
                await asyncio.sleep(0.01)
    assert counter.most == 2


@pytest.mark.parametrize("limit", [0, -1, 1.0, True, "2"])
def test_what_is_no_limit_is_refused(limit: object) -> None:
    with pytest.raises(fl.InvalidRequest, match=r"limit .* is not a number of steps at once, 1 or more"):
        fl.ExecutorRegistry().register("call", limit=limit)(lambda step: None)  # type: ignore[arg-type]
