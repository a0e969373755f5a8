"""Lists say who executes a run, what is queued, held, and due, and filter by it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import flowledger as fl

SOON = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def executors() -> fl.ExecutorRegistry:
    registry = fl.ExecutorRegistry()

    @registry.register("ask")
    def ask(step: fl.StepContext) -> Any:
        return fl.Pause("?", until=SOON) if step.answer is None else None

    return registry


def test_each_filter_finds_what_it_says(store_url: str, executors: fl.ExecutorRegistry) -> None:
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "ask"}]}, workflow_id="w")
        waits = ledger.runs.start("w").id
        held = ledger.runs.start("w").id
        ledger.runs.hold(held, by="ops")
        queued = ledger.runs.start("w", wait=False).id
        later = ledger.runs.start("w", wait=False, run_at=SOON).id
        parked = ledger.runs.start("w", wait=False).id
        ledger.runs.hold(parked, by="ops")
        ledger.runs.release(parked, by="ops")

        def found(**filters: Any) -> set[str]:
            return {run.id for run in ledger.history.runs(**filters)}

        assert found(queued=True) == {queued, later, parked}
        assert found(queued=False) == {waits, held}
        assert found(held=True) == {held}
        assert found(held=False) == {waits, queued, later, parked}
        assert found(due_before=SOON + timedelta(days=1)) == {waits, later}
        assert found(due_before=SOON) == set()
        assert found(owner="nobody") == set()
        assert found(queued=True, due_before=SOON + timedelta(days=1)) == {later}
        ledger.rebuild()
        assert found(queued=True) == {queued, later, parked}
        assert ledger.verify().ok


def test_what_is_known_of_now_alone_is_not_asked_as_of_a_past_time(store_url: str) -> None:
    with fl.open_ledger(store_url) as ledger:
        for filters in ({"held": True}, {"queued": True}, {"owner": "o"}, {"due_before": SOON}):
            with pytest.raises(fl.InvalidRequest, match="now alone"):
                ledger.history.runs(as_of=SOON, **filters)  # type: ignore[arg-type]
        with pytest.raises(fl.InvalidRequest, match="neither True nor False"):
            ledger.history.runs(held="yes")  # type: ignore[arg-type]


def test_while_a_step_is_executed_the_list_says_by_whom(store_url: str) -> None:
    registry = fl.ExecutorRegistry()
    seen: list[fl.RunSummary] = []
    ledgers: list[fl.Ledger] = []

    @registry.register("look")
    def look(step: fl.StepContext) -> None:
        (ledger,) = ledgers
        (run,) = ledger.history.runs()
        seen.append(run)
        assert [found.id for found in ledger.history.runs(owner=run.owner)] == [run.id]
        assert run.id in next(worker for worker in ledger.workers() if worker.id == run.owner).running

    with fl.open_ledger(store_url, registry) as ledger:
        ledgers.append(ledger)
        ledger.workflows.save({"nodes": [{"id": "a", "type": "look"}]}, workflow_id="w")
        assert ledger.runs.start("w").status == "completed"
        (run,) = ledger.history.runs()
    assert seen[0].owner is not None
    assert run.owner is None
