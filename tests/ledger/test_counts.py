"""Each count is that of the runs which the list finds with the same filters and that value."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

import flowledger as fl
from flowledger.infrastructure.queries import counting
from flowledger.projections.counts import RunGroup

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def ledger(store_url: str) -> Iterator[fl.Ledger]:
    """Runs on two days, of two workflows, one of them with two versions, by two people, in every state."""
    now = [NOON]
    executors = fl.ExecutorRegistry()

    @executors.register("do")
    def do(step: fl.StepContext) -> Any:
        if step.payload == "ask":
            return fl.Pause("?")
        if step.payload == "fail":
            raise ValueError(f"run {step.run_id} of 5")
        if step.payload == "later":
            raise TimeoutError("soon")
        return step.payload

    with fl.open_ledger(store_url, executors, clock=lambda: now[0]) as opened:
        for workflow_id, node in (("w", "a"), ("w", "b"), ("v", "b")):
            node_of = {"id": node, "type": "do", "metadata": {"retry": {"maxRetries": 1, "interval": 90_000_000}}}
            opened.workflows.save({"nodes": [node_of]}, workflow_id=workflow_id, by="ada")
            for payload in ("done", "ask", "fail", "later"):
                run = opened.runs.start(workflow_id, payload, by="ada" if payload == "ask" else "bob")
                if payload == "fail" and run.status == "error":
                    now[0] += timedelta(days=2000)
                    opened.runs.proceed(run.id)
                    now[0] -= timedelta(days=2000)
            now[0] = now[0] + timedelta(hours=8)
        opened.runs.cancel(opened.runs.start("w", "ask", by="eve").id, by="ops")
        opened.runs.start("w", "done", by="eve", wait=False)
        yield opened


FILTERS: list[dict[str, Any]] = [
    {},
    {"workflow_id": "w"},
    {"workflow_id": "w", "version": 2},
    {"status": ["failed", "completed"]},
    {"by": "bob", "node": "b"},
    {"since": MIDNIGHT},
    {"until": MIDNIGHT, "error_type": "ValueError"},
    {"as_of": MIDNIGHT},
    {"as_of": NOON, "status": "paused"},
    {"text": "done"},
    {"workflow_id": "w", "where": "output.b == 'done'"},
    {"queued": True},
    {"held": False},
]
ARGUMENT = {"workflow": "workflow_id", "actor": "by"}


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_a_count_is_that_of_the_runs_that_are_listed(ledger: fl.Ledger, filters: dict[str, Any]) -> None:
    for group in get_args(RunGroup):
        if group == "version" and "workflow_id" not in filters:
            continue
        counts = ledger.history.counts(group, **filters)
        values = [count.value for count in counts]
        assert len(set(values)) == len(values)
        numbers = [count.count for count in counts]
        assert values == sorted(values, reverse=True) if group == "day" else numbers == sorted(numbers, reverse=True)  # type: ignore[type-var]
        for count in counts:
            assert 0 < count.count == len(ledger.history.runs(**filters | among(group, count.value, filters)))
        if group in ("status", "workflow", "version", "actor", "day"):
            assert sum(numbers) == len(ledger.history.runs(**filters))


def among(group: str, value: Any, filters: dict[str, Any]) -> dict[str, Any]:
    if group != "day":
        return {ARGUMENT.get(group, group): value}
    begin = datetime.fromisoformat(value).replace(tzinfo=UTC)
    end = begin + timedelta(days=1)
    return {"since": max(begin, filters.get("since", begin)), "until": min(end, filters.get("until", end))}


def test_runs_that_failed_alike_are_counted(ledger: fl.Ledger) -> None:
    group, *_ = ledger.history.failures("w")
    assert ledger.history.counts("version", "w", failure=group.id) == list(group.versions)


def test_the_largest_numbers_come_first_as_many_as_asked_for(ledger: fl.Ledger) -> None:
    every = ledger.history.counts("status")
    assert ledger.history.counts("status", limit=2) == every[:2]
    assert ledger.history.counts("day", limit=1) == ledger.history.counts("day")[:1]
    assert ledger.history.counts("actor", text="bob", limit=1) == ledger.history.counts("actor", text="bob")[:1]


def test_what_cannot_be_counted_is_refused(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    history = ledger.history
    with pytest.raises(fl.InvalidRequest, match="it is one of status, node, error_type"):
        history.counts("colour")  # type: ignore[arg-type]
    with pytest.raises(fl.InvalidRequest, match="of which workflow"):
        history.counts("version")
    with pytest.raises(fl.WorkflowNotFound):
        history.counts("status", "nobody")
    with pytest.raises(fl.VersionNotFound):
        history.counts("status", "w", version=9)
    with pytest.raises(fl.InvalidRequest, match="1 to"):
        history.counts("status", limit=0)
    monkeypatch.setattr(counting, "MAX_CANDIDATES", 2)
    with pytest.raises(fl.InvalidRequest, match="narrow it down"):
        history.counts("status", text="bob")
