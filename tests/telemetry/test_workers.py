"""Runs that workers execute are traced and measured as those that calls execute."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace

import flowledger as fl
from flowledger.testing import ManualClock

from ..operations.until import until
from .collector import Collector, id_of, ids_in, links_of, parent_of, trace_of
from .test_metrics import measured
from .test_traces import digits, line


@pytest.fixture
def executors(collector: Collector) -> fl.ExecutorRegistry:
    registry, tracer = fl.ExecutorRegistry(), collector.application

    @registry.register("sync")
    def sync(step: fl.StepContext) -> None:
        tracer.start_span(f"inside {step.node.id}").end()

    @registry.register("async")
    async def awaited(step: fl.StepContext) -> None:
        await asyncio.sleep(0)
        tracer.start_span(f"inside {step.node.id}").end()

    @registry.register("sync in time", timeout=60.0)
    def sync_in_time(step: fl.StepContext) -> None:
        tracer.start_span(f"inside {step.node.id}").end()

    @registry.register("async in time", timeout=60.0)
    async def awaited_in_time(step: fl.StepContext) -> None:
        await asyncio.sleep(0)
        tracer.start_span(f"inside {step.node.id}").end()

    return registry


ALL = line("sync", "async", "sync in time", "async in time", "async", "sync")


def check_places(collector: Collector) -> None:
    steps = {span.name.removeprefix("step "): id_of(span) for span in collector.spans("step ")}
    inside = {span.name.removeprefix("inside "): parent_of(span) for span in collector.spans("inside ")}
    assert len(steps) == 6
    assert inside == steps


def test_a_worker_continues_the_trace_of_the_run(
    collector: Collector, executors: fl.ExecutorRegistry, tmp_path: Path
) -> None:
    with fl.open_ledger(f"sqlite:///{tmp_path}/w.db", executors, telemetry=collector.telemetry) as ledger:
        ledger.workflows.save(ALL, workflow_id="order")
        with collector.application.start_as_current_span("request"):
            run = ledger.runs.start("order", wait=False)
        with ledger.worker():
            until(lambda: collector.spans("execute"))

    check_places(collector)
    whole, request = collector.span("run order"), collector.span("request")
    assert {trace_of(span) for span in collector.spans() if span is not request} == {digits(run.id, 32)}
    assert (links_of(whole), links_of(request)) == ([ids_in(request)], [ids_in(whole)])
    assert links_of(collector.span("execute order")) == []  # nobody called
    assert [count for _, _, (count, _) in measured(collector, "flowledger.due.lag")] == [1]
    assert sum(count for _, _, (count, _) in measured(collector, "flowledger.step.duration")) == 6


async def test_a_worker_with_tasks_does_too(
    collector: Collector, executors: fl.ExecutorRegistry, tmp_path: Path
) -> None:
    async with fl.open_ledger(f"sqlite:///{tmp_path}/w.db", executors, telemetry=collector.telemetry) as ledger:
        ledger.workflows.save(ALL, workflow_id="order")
        runs = [ledger.runs.start("order", wait=False).id for _ in range(3)]
        async with ledger.aworker():
            for run_id in runs:
                await ledger.runs.await_for(run_id, timeout=60)
        assert not trace.get_current_span().get_span_context().is_valid

    for run_id in runs:
        mine = [span for span in collector.spans() if trace_of(span) == digits(run_id, 32)]
        steps = {span.name.removeprefix("step "): id_of(span) for span in mine if span.name.startswith("step ")}
        inside = {
            span.name.removeprefix("inside "): parent_of(span) for span in mine if span.name.startswith("inside ")
        }
        assert inside == steps
        assert len(mine) == 14


def test_steps_with_a_timeout_are_in_their_spans_under_calls(
    collector: Collector, executors: fl.ExecutorRegistry
) -> None:
    with fl.open_ledger("memory:", executors, telemetry=collector.telemetry) as ledger:
        ledger.workflows.save(ALL, workflow_id="order")
        assert ledger.runs.start("order").status == "completed"
    check_places(collector)


def test_a_step_that_is_out_of_time_has_failed(collector: Collector) -> None:
    registry = fl.ExecutorRegistry()

    @registry.register("slow", timeout=0.05)
    def slow(step: fl.StepContext) -> None:
        step.cancelled.wait(60)

    with fl.open_ledger("memory:", registry, telemetry=collector.telemetry) as ledger:
        ledger.workflows.save(line("slow"), workflow_id="order")
        assert ledger.runs.start("order").status == "failed"
    attributes: Any = collector.span("step slow").attributes
    assert (attributes["flowledger.step.outcome"], attributes["error.type"]) == ("failed", "StepTimedOut")


def test_the_queue_is_measured_when_metrics_are_collected_while_the_ledger_is_there(collector: Collector) -> None:
    registry = fl.ExecutorRegistry()
    registry.register("ask")(lambda step: fl.Pause("?"))
    ledger = fl.open_ledger("memory:", registry, ManualClock(), telemetry=collector.telemetry)
    ledger.workflows.save(line("ask"), workflow_id="order")
    for wait in (True, False, False):
        ledger.runs.start("order", wait=wait)
    queue = {
        labels["flowledger.queue.state"]: value for _, labels, value in measured(collector, "flowledger.queue.depth")
    }
    assert queue == {"queued": 2, "due": 2, "running": 0, "waiting": 1, "held": 0}
    ledger.close()
    assert len(list(collector.points())) > 0  # what is closed is counted as it was, or not at all, and nothing fails
