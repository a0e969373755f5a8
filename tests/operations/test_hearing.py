"""What wakes a worker: each commit that brings it work, and others only where they make room for what it left."""

import asyncio
from threading import Thread
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.event_registry import leaves_nothing_to_do
from flowledger.infrastructure.operations import async_worker, work, worker
from flowledger.infrastructure.operations.work import Work, WorkerOptions

from .until import until

STEPS = {
    "nodes": [{"id": each, "type": "pass"} for each in "ab"],
    "edges": [{"source": "a", "target": "b"}],
}


@pytest.fixture
def executors() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    executors.register("pass")(lambda _: None)
    return executors


@pytest.fixture
def nobody_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """So what no wake-up tells is never found."""
    for module in (work, worker, async_worker):
        monkeypatch.setattr(module, "POLL", 1e6)


@pytest.mark.parametrize(
    ("type", "data", "is_quiet"),
    [
        ("run.claimed", {"after": {"status": "active"}}, True),
        ("run.recovered", {"after": {"status": "active"}}, True),
        ("run.step_completed", {"after": {"status": "completed"}}, True),
        ("run.step_failed", {"after": {"status": "failed"}}, True),
        ("run.step_completed", {}, False),
        ("run.step_completed", {"after": {"status": "paused"}}, False),
        ("run.step_failed", {"after": {"status": "error", "due_at": "2026-01-01T00:00:00.000000Z"}}, False),
        ("run.started", {"after": {"status": "active", "queued": True}}, False),
        ("run.resumed", {"after": {"status": "active", "queued": True}}, False),
        ("run.released", {"after": {"status": "paused"}}, False),
        ("workflow.saved", {}, False),
    ],
)
def test_claims_and_ends_leave_nothing_to_do(type: str, data: dict[str, Any], is_quiet: bool) -> None:
    assert leaves_nothing_to_do(type, data) is is_quiet


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.usefixtures("nobody_polls")
def test_workers_that_never_poll_come_to_every_run(
    durable_url: str, executors: fl.ExecutorRegistry, concurrency: int
) -> None:
    with fl.open_ledger(durable_url, executors) as ledger, fl.open_ledger(durable_url, executors) as other:
        ledger.workflows.save(STEPS, workflow_id="w")
        runs = [ledger.runs.start("w", wait=False).id for _ in range(6)]
        with ledger.worker(concurrency=concurrency), other.worker(concurrency=concurrency):
            runs += [ledger.runs.start("w", wait=False).id for _ in range(6)]
            until(lambda: all(ledger.runs.get(run).status == "completed" for run in runs))


@pytest.mark.usefixtures("nobody_polls")
async def test_the_end_of_a_run_makes_room_for_one_whose_type_is_limited(executors: fl.ExecutorRegistry) -> None:
    async with fl.open_ledger("memory:", executors) as ledger:
        await ledger.workflows.asave(STEPS, workflow_id="w")
        runs = [await ledger.runs.astart("w", wait=False) for _ in range(4)]
        async with ledger.aworker(limits={"pass": 1}):
            for run in runs:
                assert (await ledger.runs.await_for(run.id, timeout=60)).status == "completed"


@pytest.mark.usefixtures("nobody_polls")
def test_the_same_with_threads(executors: fl.ExecutorRegistry) -> None:
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save(STEPS, workflow_id="w")
        runs = [ledger.runs.start("w", wait=False) for _ in range(4)]
        with ledger.worker(limits={"pass": 1}):
            for run in runs:
                assert ledger.runs.wait_for(run.id, timeout=60).status == "completed"


def test_a_worker_hears_of_claims_and_ends_only_where_it_left_something(executors: fl.ExecutorRegistry) -> None:
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save(STEPS, workflow_id="w")
        some = _work(ledger, 2)
        assert not some.take(2)
        assert some.hears_all, "others may have been about to claim something"
        assert not some.take(2)
        assert not some.hears_all, "nothing is due"
        for _ in range(3):
            ledger.runs.start("w", wait=False)
        assert len(some.take(2)) == 2
        assert some.hears_all, "it asked for no more than it found"
        assert len(some.take(2)) == 1
        assert not some.hears_all, "it has all that was due"
        some.custody.close()


def test_a_worker_tells_that_it_came_late(executors: fl.ExecutorRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save(STEPS, workflow_id="w")
        some = _work(ledger, 2)
        assert not some.take(2)
        assert not some.came_late, "nothing was due"
        ledger.runs.start("w", wait=False)
        with monkeypatch.context() as patched:
            patched.setattr(some.claims, "take", lambda _: [])
            assert not some.take(2)
            assert some.came_late
            assert some.hears_all, "who was faster may have left it"
        assert some.take(2)
        assert not some.came_late
        some.custody.close()


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The looks of workers that always come late, and then rest for ever."""
    looks: list[int] = []

    def come_late(work: Work, free: int) -> list[Any]:
        looks.append(free)
        work.came_late, work.rest = True, 1e6
        return []

    monkeypatch.setattr(Work, "take", come_late)
    return looks


def test_who_came_late_rests_whatever_wakes_it_until_it_is_to_stop(late: list[int]) -> None:
    with fl.open_ledger("memory:", fl.ExecutorRegistry()) as ledger, ledger.worker() as worker:
        until(lambda: late)
        for _ in range(100):
            worker._wake()
            others = Thread(target=int)  # time for a look
            others.start()
            others.join()
    assert len(late) == 1


async def test_a_task_that_came_late_rests_likewise(late: list[int]) -> None:
    async with fl.open_ledger("memory:", fl.ExecutorRegistry()) as ledger, ledger.aworker() as worker:
        while not late:
            await asyncio.sleep(0)
        for _ in range(100):
            worker._wake()
            await asyncio.to_thread(int)  # time for a look
    assert len(late) == 1


def _work(ledger: fl.Ledger, concurrency: int) -> Work:
    return Work(ledger._workers._services, ledger._store, WorkerOptions(None, concurrency, None, None, 30.0, 30.0))
