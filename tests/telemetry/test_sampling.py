"""What is sampled of a run is all of it, in whatever process."""

from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased

from .collector import Collector
from .test_traces import line, open_traced


def test_a_run_is_sampled_by_its_trace_id_alike_in_each_process(tmp_path: Any) -> None:
    some: Sampler = ParentBased(TraceIdRatioBased(0.5))
    web, worker = Collector(some), Collector(some)
    url, count = f"sqlite:///{tmp_path / 'orders.db'}", 40  # that all or none are sampled happens to nobody
    with open_traced(web, url) as ledger, open_traced(worker, url) as other:
        ledger.workflows.save(line("ask", "work"), workflow_id="order")
        runs = [other.runs.resume(ledger.runs.start("order").id, payload=True).id for _ in range(count)]

    traced = {collector: {run_of(span) for span in collector.spans("execute")} for collector in (web, worker)}
    assert traced[web] == traced[worker]
    assert 0 < len(traced[web]) < len(runs)
    assert {len(web.spans("step ask")), len(worker.spans("run order"))} == {len(traced[web])}
    assert len(worker.spans("step")) == 2 * len(traced[web])
    for collector in (web, worker):
        collector.close()


@pytest.mark.parametrize("sampled", [True, False])
def test_a_run_that_a_traced_caller_starts_is_sampled_as_the_caller_is(tmp_path: Any, sampled: bool) -> None:
    caller = Collector(None if sampled else ALWAYS_OFF)
    worker = Collector(ParentBased(ALWAYS_OFF if sampled else ALWAYS_ON))
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    with open_traced(caller, url) as ledger:
        ledger.workflows.save(line("work"), workflow_id="order")
        with caller.application.start_as_current_span("request"):
            run = ledger.runs.start("order", wait=False)
    with open_traced(worker, url) as ledger:
        assert ledger.runs.proceed(run.id).status == "completed"

    names = [span.name for span in worker.spans()]
    assert names == (["inside work-0", "step work-0", "run order", "execute order"] if sampled else [])
    for collector in (caller, worker):
        collector.close()


def run_of(span: Any) -> str:
    return str((span.attributes or {}).get("flowledger.run.id", ""))


def test_nothing_is_sampled_where_the_application_wants_nothing() -> None:
    collector = Collector(ALWAYS_OFF)
    with open_traced(collector) as ledger:
        ledger.workflows.save(line("work"), workflow_id="order")
        assert ledger.runs.start("order").status == "completed"
    assert not collector.spans()
    assert {name for name, _, _ in collector.points()} == {"flowledger.step.duration", "flowledger.append.duration"}
    collector.close()
