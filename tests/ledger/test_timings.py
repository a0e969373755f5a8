"""Timings come from the recorded steps of a workflow's runs, and from nothing else."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median, quantiles
from typing import Any, Literal

import pytest

import flowledger as fl

from .stopwatch import NOON, Stopwatch, after

DAY = 24 * 3_600_000


class Mill:
    """A workflow of two nodes, whose executors take as long as they are told, and fail as often."""

    def __init__(self, url: str) -> None:
        self.clock = Stopwatch()
        self.takes = 10.0
        self.failures = 0
        executors = fl.ExecutorRegistry()
        executors.register("work", retry=fl.RetryPolicy(max_retries=2, interval=0))(self.work)
        executors.register("rest")(lambda step: "rested")
        self.ledger = fl.open_ledger(url, executors, self.clock)

    def work(self, step: fl.StepContext) -> Any:
        self.clock.passes(self.takes)
        if self.failures:
            self.failures -= 1
            raise ValueError("kaputt")
        return "worked"

    def save(self, by: str = "ada", message: str | None = None, **data: Any) -> None:
        definition = {
            "nodes": [{"id": "score", "type": "work", "data": data}, {"id": "rest", "type": "rest"}],
            "edges": [{"source": "score", "target": "rest"}],
        }
        self.ledger.workflows.save(definition, workflow_id="w", by=by, message=message)

    def runs(self, count: int, *times: float, **given: Any) -> list[str]:
        started = []
        for place in range(count):
            self.takes = times[place % len(times)]
            started.append(self.ledger.runs.start("w", **given).id)
        return started


@pytest.fixture
def mill(store_url: str) -> Iterator[Mill]:
    mill = Mill(store_url)
    mill.save()
    yield mill
    mill.ledger.close()


def test_a_row_for_each_node_and_version_in_the_order_of_the_graph(mill: Mill) -> None:
    mill.runs(4, 10, 20, 30, 40)
    mill.save(model="large")
    mill.runs(1, 7)
    timings = mill.ledger.history.timings("w")
    assert [(row.node_id, row.group, row.count, row.median, row.max) for row in timings] == [
        ("score", 1, 4, 25.0, 40.0),
        ("score", 2, 1, 7.0, 7.0),
        ("rest", 1, 4, 0.0, 0.0),
        ("rest", 2, 1, 0.0, 0.0),
    ]
    assert timings[0].p95 == pytest.approx(38.5)
    assert (timings.runs, timings.workflow_id, timings.by) == (5, "w", "version")


def test_failures_retries_and_waiting_are_counted(mill: Mill) -> None:
    mill.failures = 1
    (run_id,) = mill.runs(1, 10, wait=False)
    mill.clock.passes(5)
    mill.ledger.runs.proceed(run_id)
    mill.clock.passes(45)
    mill.ledger.runs.proceed(run_id)
    (row, _) = mill.ledger.history.timings("w")
    assert (row.count, row.failures, row.failure_rate, row.retries, row.retry_rate) == (2, 1, 0.5, 1, 0.5)
    assert (row.waiting_median, row.waiting_max) == (25.0, 45.0)


def test_the_save_that_made_a_node_slower_is_named(mill: Mill) -> None:
    mill.runs(21, 120, 121, 122)
    mill.save("bob", "colours", colour="red")
    mill.runs(21, 120, 121, 122)
    mill.save("ada", "use the big model", model="large")
    mill.runs(24, 440, 450, 460)
    assert [str(change) for change in mill.ledger.history.timings("w").changes] == [
        "node 'score' slower since version 3 (ada, 'use the big model'): median 121.0 ms → 450.0 ms, ×3.7, "
        "21 and 24 samples"
    ]


def test_times_choose_runs_by_their_start_and_days_group_steps(mill: Mill) -> None:
    mill.runs(2, 10)
    mill.clock.passes(DAY)
    mill.runs(3, 10)
    history = mill.ledger.history
    assert [(row.group, row.count) for row in history.timings("w", by="day") if row.node_id == "score"] == [
        ("2025-05-04", 2),
        ("2025-05-05", 3),
    ]
    assert history.timings("w", since=after(DAY)).runs == 3
    assert history.timings("w", until=after(10)).runs == 1
    assert list(history.timings("w", until=NOON)) == []


def test_what_was_reused_or_reproduced_is_not_counted_again(mill: Mill) -> None:
    (first,) = mill.runs(1, 10)
    mill.ledger.runs.retry(first, from_node="rest")
    mill.takes = 99
    mill.ledger.runs.reproduce(first)
    told: list[int] = []
    timings = mill.ledger.history.timings("w", progress=told.append)
    assert [(row.node_id, row.count, row.max) for row in timings] == [("score", 1, 10.0), ("rest", 2, 0.0)]
    assert told == [1, 2]
    everything = mill.ledger.history.timings("w", reproductions=True)
    assert [(row.node_id, row.count, row.max) for row in everything] == [("score", 2, 99.0), ("rest", 3, 0.0)]


@pytest.mark.parametrize("by", ["version", "day"])
def test_every_figure_is_that_of_the_recorded_steps(mill: Mill, by: Literal["version", "day"]) -> None:
    chance = random.Random(7)
    for version in range(3):
        mill.save(model=version)
        for _ in range(15):
            mill.failures = chance.choice((0, 0, 1, 3))
            (run_id,) = mill.runs(1, chance.uniform(1, 50), wait=chance.random() < 0.5)
            while (run := mill.ledger.runs.get(run_id)).finished_at is None:
                mill.clock.passes(chance.choice((0, 3.5, DAY / 20)))
                mill.takes = chance.uniform(1, 50)
                if run.status == "active" and chance.random() < 0.5:
                    mill.ledger.runs.hold(run_id)
                    mill.clock.passes(1_000)
                    mill.ledger.runs.release(run_id)
                else:
                    mill.ledger.runs.proceed(run_id)
    steps = recorded_steps(mill.ledger, by)
    found = mill.ledger.history.timings("w", by=by)
    assert {(row.node_id, row.group) for row in found} == set(steps)
    assert len(found) >= 4
    for row in found:
        of_row = steps[row.node_id, row.group]
        took, waited = ([step[part] / 1_000 for step in of_row] for part in ("took", "waited"))
        failures, retries = (sum(step[part] for step in of_row) for part in ("failed", "retry"))
        assert (row.count, row.failures, row.retries) == (len(of_row), failures, retries)
        assert (row.failure_rate, row.retry_rate) == (failures / len(of_row), retries / len(of_row))
        assert (row.median, row.p95, row.max) == pytest.approx((median(took), p95(took), max(took)))
        assert (row.waiting_median, row.waiting_p95, row.waiting_max) == pytest.approx(
            (median(waited), p95(waited), max(waited))
        )
    assert sum(row.failures for row in found) > sum(row.retries for row in found) > 10
    assert max(row.waiting_max for row in found) == DAY / 20


def recorded_steps(ledger: fl.Ledger, by: str) -> dict[tuple[str, Any], list[Any]]:
    """The steps of all runs, by node and group, from their events alone. Times are microseconds."""
    steps: dict[tuple[str, Any], list[Any]] = {}
    for run in ledger.history.runs(limit=1_000):
        due = 0
        for event in ledger.history.events(run.id):
            data = event.data
            if event.type in ("run.step_completed", "run.step_failed"):
                ended = data.get("finished_at", data["recorded_at"])
                day = datetime.fromtimestamp(data["started_at"] / 1e6, UTC).date().isoformat()
                steps.setdefault((data["node_id"], run.workflow_version if by == "version" else day), []).append(
                    {
                        "took": ended - data["started_at"],
                        "waited": max(0, data["started_at"] - due),
                        "failed": event.type == "run.step_failed",
                        "retry": data.get("attempt", 1) > 1,
                    }
                )
                due = data.get("retry_at", ended)
            elif event.type == "run.retried":
                due = min(due, data["recorded_at"])
            elif event.type in ("run.started", "run.resumed", "run.released"):
                due = data["recorded_at"]
    return steps


def p95(samples: list[float]) -> float:
    return quantiles(samples, n=20, method="inclusive")[18] if len(samples) > 1 else samples[0]


def test_what_cant_be_timed_is_refused(mill: Mill) -> None:
    with pytest.raises(fl.WorkflowNotFound):
        mill.ledger.history.timings("unheard of")
    with pytest.raises(fl.InvalidRequest, match="neither"):
        mill.ledger.history.timings("w", by="week")  # type: ignore[arg-type]
    with pytest.raises(fl.InvalidRequest):
        mill.ledger.history.timings("w", since=NOON.replace(tzinfo=None))
    assert list(mill.ledger.history.timings("w")) == []


async def test_the_async_twin_says_the_same(mill: Mill) -> None:
    mill.runs(1, 10)
    assert await mill.ledger.history.atimings("w") == mill.ledger.history.timings("w")
