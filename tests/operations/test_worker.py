"""A worker finds what is due, was queued or was left behind, and executes it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

import flowledger as fl

from .until import until

LINE = {
    "nodes": [{"id": "a", "type": "note"}, {"id": "b", "type": "note"}],
    "edges": [{"source": "a", "target": "b"}],
}


@pytest.fixture
def executors() -> fl.ExecutorRegistry:
    registry = fl.ExecutorRegistry()

    @registry.register("note")
    def note(step: fl.StepContext) -> str:
        return step.node.id

    return registry


@pytest.fixture
def open_it(store_url: str, executors: fl.ExecutorRegistry) -> Iterator[fl.Ledger]:
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save(LINE, workflow_id="w")
        yield ledger


def is_completed(ledger: fl.Ledger, run_id: str) -> Callable[[], bool]:
    return lambda: ledger.runs.get(run_id).status == "completed"


def test_a_queued_run_is_executed(open_it: fl.Ledger) -> None:
    run = open_it.runs.start("w", wait=False)
    with open_it.worker(name="one") as worker:
        until(is_completed(open_it, run.id))
        events = list(open_it.history.events(run.id))
    claim = next(event for event in events if event.type == "run.claimed")
    assert claim.by == "one"
    assert claim.data["worker"]["id"] == worker.id
    assert claim.data["lease_until"] > 0


def test_one_that_is_queued_while_the_worker_waits_is_executed(open_it: fl.Ledger) -> None:
    with open_it.worker():
        run = open_it.runs.start("w", wait=False)
        until(is_completed(open_it, run.id))


def test_one_that_may_not_begin_yet_waits(open_it: fl.Ledger) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    run = open_it.runs.start("w", wait=False, run_at=later)
    due = open_it.runs.start("w", wait=False, run_at=datetime.now(UTC) - timedelta(hours=1))
    with open_it.worker():
        until(is_completed(open_it, due.id))
    assert open_it.runs.get(run.id).status == "active"
    (listed,) = open_it.history.runs(status="active").items
    assert (listed.queued, listed.next_due_at) == (True, later)


def test_the_larger_priority_goes_first(open_it: fl.Ledger) -> None:
    ranked = {priority: open_it.runs.start("w", wait=False, priority=priority).id for priority in (0, 5, -3, 5)}
    with open_it.worker(concurrency=1):
        until(lambda: all(is_completed(open_it, run_id)() for run_id in ranked.values()))
    began = {
        run_id: next(event.position for event in open_it.history.events(run_id) if event.type == "run.claimed")
        for run_id in ranked.values()
    }
    assert sorted(ranked, key=lambda priority: began[ranked[priority]]) == [5, 0, -3]


def test_what_its_process_cannot_execute_is_left_to_others(store_url: str, open_it: fl.Ledger) -> None:
    if store_url == "memory:":
        pytest.skip("a store in memory is nobody else's")
    run = open_it.runs.start("w", wait=False)
    with fl.open_ledger(store_url, fl.ExecutorRegistry()) as poor, poor.worker(name="poor"):
        until(lambda: any(status.lacking for status in poor.workers()))
        assert [listed.queued for listed in open_it.history.runs().items] == [True]
        with open_it.worker(name="rich"):
            until(is_completed(open_it, run.id))
    assert [event.by for event in open_it.history.events(run.id) if event.type == "run.claimed"] == ["rich"]


def test_a_run_whose_call_was_interrupted_is_recovered_although_its_process_lives(store_url: str) -> None:
    registry = fl.ExecutorRegistry()
    interrupted = Event()

    @registry.register("note")
    def note(step: fl.StepContext) -> str:
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt
        return step.node.id

    with fl.open_ledger(store_url, registry) as ledger:
        ledger.workflows.save(LINE, workflow_id="w")
        with pytest.raises(KeyboardInterrupt):
            ledger.runs.start("w")
        (run,) = ledger.history.runs().items
        with ledger.worker():
            until(is_completed(ledger, run.id))
        assert "run.recovered" in [event.type for event in ledger.history.events(run.id)]


@pytest.mark.parametrize("stops_early", [True, False])
def test_what_a_step_returns_that_was_told_to_stop_is_no_result_when_its_worker_abandons_it(stops_early: bool) -> None:
    registry = fl.ExecutorRegistry()
    begun, go_on = Event(), Event()

    @registry.register("note")
    def note(step: fl.StepContext) -> str:
        begun.set()
        if stops_early and step.recoveries == 0:
            step.cancelled.wait(60)
            return "the first half"
        assert go_on.wait(60)
        return "all of it"

    with fl.open_ledger("memory:", registry) as ledger:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "note"}]}, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
        with ledger.worker(grace=0.0):
            assert begun.wait(60)
        assert ledger.runs.get(run.id).status == "active"
        go_on.set()
        with ledger.worker():
            until(is_completed(ledger, run.id))
        assert [result.output for result in ledger.runs.get(run.id).snapshot.context["n"]] == ["all of it"]


def test_a_run_that_its_process_executes_is_never_taken(store_url: str) -> None:
    registry = fl.ExecutorRegistry()
    begun, go_on = Event(), Event()

    @registry.register("note")
    async def note(step: fl.StepContext) -> str:
        begun.set()
        while not go_on.is_set():
            if step.cancelled.wait(0.01):
                return "told to stop"
        return step.node.id

    with fl.open_ledger(store_url, registry, lease=2.0) as ledger:
        ledger.workflows.save(LINE, workflow_id="w")
        with ledger.worker(name="its own", workflows=["w"]):
            run = ledger.runs.start("w", wait=False)
            assert begun.wait(60)
            with ledger.worker(name="other", lease=2.0):
                other = ledger.runs.start("w", wait=False)
                until(lambda: ledger.history.runs(status="active").items[-1].owner is not None)
                until(
                    lambda: any(
                        worker.name == "other" and worker.last_seen > worker.started_at + timedelta(seconds=2.5)
                        for worker in ledger.workers()
                    )
                )
                go_on.set()
                until(is_completed(ledger, run.id))
                until(is_completed(ledger, other.id))
        types = [event.type for event in ledger.history.events(run.id)]
    assert "run.recovered" not in types
