"""How often a worker looks for runs: in time, and not so often that it keeps others from executing theirs."""

import asyncio
from threading import Event
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.operations import work as works
from flowledger.infrastructure.operations.work import Work, WorkerOptions

from .until import until

ONE = {"nodes": [{"id": "a", "type": "note"}]}
STEPS = {
    "nodes": [{"id": each, "type": "pass"} for each in "abc"],
    "edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "c"}],
}


class Looks:
    """Counts the looks of all workers; a look with runs to execute is followed by a rest that is never over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        take = Work.take

        def counted(work: Work, free: int) -> Any:
            self.count += 1
            return take(work, free)

        monkeypatch.setattr(Work, "take", counted)
        monkeypatch.setattr(works, "REST_PER_LOOK", 1e9)
        monkeypatch.setattr(works, "LONGEST_REST", 1e6)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(monkeypatch)


async def test_a_worker_that_executes_runs_does_not_look_at_each_wake_up(looks: Looks) -> None:
    go_on, begun = asyncio.Event(), asyncio.Event()
    executors = fl.ExecutorRegistry()

    @executors.register("note")
    async def note(_: fl.StepContext) -> None:
        begun.set()
        await go_on.wait()

    async with fl.open_ledger("memory:", executors) as ledger, ledger.aworker() as worker:
        await ledger.workflows.asave(ONE, workflow_id="w")
        first = await ledger.runs.astart("w", wait=False)
        await begun.wait()
        before = looks.count
        second = await ledger.runs.astart("w", wait=False)
        for _ in range(100):
            worker._wake()
            await asyncio.to_thread(int)  # time for a look
        assert looks.count <= before + 1, "it rests, or is about to look for the first time"
        go_on.set()
        for run in (first, second):
            assert (await ledger.runs.await_for(run.id)).status == "completed"


def test_with_nothing_to_execute_it_looks_at_once(looks: Looks) -> None:
    go_on, begun = Event(), Event()
    executors = fl.ExecutorRegistry()

    @executors.register("note")
    def note(_: fl.StepContext) -> None:
        begun.set()
        assert go_on.wait(60)

    with fl.open_ledger("memory:", executors) as ledger, ledger.worker():
        ledger.workflows.save(ONE, workflow_id="w")
        runs = [ledger.runs.start("w", wait=False)]
        assert begun.wait(60)
        runs += [ledger.runs.start("w", wait=False) for _ in range(3)]
        go_on.set()
        for run in runs:
            assert ledger.runs.wait_for(run.id).status == "completed"


def test_runs_that_cannot_be_claimed_are_no_reason_to_look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("pass")(lambda _: None)
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save(STEPS, workflow_id="w")
        for _ in range(3):
            ledger.runs.start("w", wait=False)
        work = Work(ledger._workers._services, ledger._store, WorkerOptions(None, 2, None, None, 30.0, 30.0))
        with monkeypatch.context() as patched:
            patched.setattr(work.claims, "_prepare", lambda *_: None)
            assert work.take(2) == []
            assert not work.may_be_more, "it would look again and again, and nothing would change"
        assert len(work.take(2)) == 2
        assert work.may_be_more
        work.custody.close()


def test_a_store_that_is_away_is_tried_once_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def unreachable(*_: object) -> Any:
        tried.append(1)
        raise fl.StorageUnavailable("the store can't be reached")

    with fl.open_ledger("memory:", fl.ExecutorRegistry()) as ledger:
        work = Work(ledger._workers._services, ledger._store, WorkerOptions(None, 2, None, None, 30.0, 30.0))
        work.take(2)
        monkeypatch.setattr(work.claims, "first_due", unreachable)
        monkeypatch.setattr(work._bulk, "advance", unreachable)
        for turn, pause in enumerate((0.25, 0.5, 1.0), 1):
            work.take(2)
            assert not work.advance_bulk(is_busy=False)
            assert len(tried) == turn
            assert pause / 2 <= work.seconds_to_wait() <= pause * 1.5, "each turn doubles the pause, once"
        monkeypatch.undo()
        work.custody.close()


@pytest.mark.parametrize("concurrency", [1, 2, 5])
async def test_a_worker_with_no_room_lets_its_runs_go_on(concurrency: int) -> None:
    executors = fl.ExecutorRegistry()

    @executors.register("pass")
    async def go(_: fl.StepContext) -> None:
        await asyncio.sleep(0)

    async with fl.open_ledger("memory:", executors) as ledger:
        await ledger.workflows.asave(STEPS, workflow_id="w")
        runs = [await ledger.runs.astart("w", wait=False) for _ in range(12)]
        async with ledger.aworker(concurrency=concurrency):
            for run in runs:
                assert (await ledger.runs.await_for(run.id)).status == "completed"


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_the_same_with_threads(store_url: str, concurrency: int) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("pass")(lambda _: None)
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save(STEPS, workflow_id="w")
        runs = [ledger.runs.start("w", wait=False).id for _ in range(12)]
        with ledger.worker(concurrency=concurrency):
            until(lambda: all(ledger.runs.get(run).status == "completed" for run in runs))
