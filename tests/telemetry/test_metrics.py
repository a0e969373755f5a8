"""What is measured, and that nothing in it grows with the number of runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import flowledger as fl

from .collector import Collector
from .test_traces import line, open_traced


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


def test_steps_are_measured_by_node_type_and_outcome(collector: Collector) -> None:
    with open_traced(collector) as ledger:
        ledger.workflows.save(line("work", "flaky", "ask", "refuse"), workflow_id="order")
        for _ in range(3):
            run = ledger.runs.proceed(ledger.runs.start("order").id)
            ledger.runs.resume(run.id)

    steps = {
        (labels.pop("flowledger.node.type"), labels.pop("flowledger.step.outcome"), *labels.values()): count
        for name, labels, (count, _) in measured(collector, "flowledger.step.duration")
        if name
    }
    assert steps == {
        ("work", "completed"): 3,
        ("flaky", "retrying", "TimeoutError"): 3,
        ("flaky", "completed"): 3,
        ("ask", "paused"): 3,
        ("ask", "completed"): 3,
        ("refuse", "failed", "ValueError"): 3,
    }


def test_appends_are_measured_also_those_that_are_refused(collector: Collector) -> None:
    with open_traced(collector) as ledger:
        ledger.workflows.save(line("ask"), workflow_id="order")
        run = ledger.runs.start("order")  # the start, and the step
        ledger.runs.hold(run.id)
    points = [(labels, count) for _, labels, (count, _) in measured(collector, "flowledger.append.duration")]
    assert points == [({}, 3)]


def test_what_was_due_is_measured_when_it_is_claimed_and_recoveries_are_counted(collector: Collector) -> None:
    clock = Clock()
    registry = fl.ExecutorRegistry()
    deaths = [True]

    @registry.register("die")
    def die(step: fl.StepContext) -> None:
        if deaths.pop():
            raise KeyboardInterrupt
        deaths.append(False)

    @registry.register("flaky", retry=fl.RetryPolicy(max_retries=1, interval=60, jitter=0))
    def flaky(step: fl.StepContext) -> None:
        if step.attempt == 1:
            raise TimeoutError

    deaths.insert(0, False)
    with fl.open_ledger("memory:", registry, clock, telemetry=collector.telemetry) as ledger:
        ledger.workflows.save(line("die", "flaky"), workflow_id="order")
        with pytest.raises(KeyboardInterrupt):
            ledger.runs.start("order")
        (summary,) = ledger.history.runs().items
        ledger.runs.proceed(summary.id)
        clock.time += timedelta(seconds=90)
        assert ledger.runs.proceed(summary.id).status == "completed"

    assert [(labels, value) for _, labels, value in measured(collector, "flowledger.recoveries")] == [({}, 1)]
    assert [value for *_, value in measured(collector, "flowledger.due.lag")] == [(1, 30.0)]


def test_no_metric_has_the_id_of_a_run(collector: Collector) -> None:
    with open_traced(collector) as ledger:
        ledger.workflows.save(line("work", "flaky"), workflow_id="order")
        for _ in range(5):
            ledger.runs.proceed(ledger.runs.start("order").id)
    series = [(name, *labels.items()) for name, labels, _ in collector.points()]
    assert len(series) == 5
    assert {key for _, *labels in series for key, _ in labels} <= {
        "flowledger.node.type",
        "flowledger.step.outcome",
        "error.type",
    }


def measured(collector: Collector, name: str) -> list[tuple[str, Any, Any]]:
    return [point for point in collector.points() if point[0] == name]
