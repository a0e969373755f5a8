"""Telemetry is on where it was asked for, and costs and changes nothing where it wasn't."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import flowledger as fl
from flowledger.testing import ManualClock

from ..prepared import PreparedPython
from ..transfer.forging import Event
from ..transfer.forging import forged as forged_export
from .collector import Collector
from .test_traces import executors, line, open_traced


def test_without_it_nothing_of_opentelemetry_is_imported(tmp_path: Path, prepared_python: PreparedPython) -> None:
    program = f"""
import sys, flowledger as fl
registry = fl.ExecutorRegistry()
registry.register("work")(lambda step: 1)
with fl.open_ledger("sqlite:///{tmp_path}/orders.db", registry) as ledger:
    ledger.workflows.save({line("work")!r}, workflow_id="order")
    assert ledger.runs.start("order").status == "completed"
assert fl.Telemetry
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    answer = prepared_python.run(["-c", program], cwd=tmp_path, env=os.environ)
    assert (answer.stdout, answer.stderr) == ("[]\n", "")


def test_what_is_recorded_is_the_same_with_and_without(collector: Collector) -> None:
    def events(**options: Any) -> list[Any]:
        with fl.open_ledger("memory:", executors(), ManualClock(), **options) as ledger:
            ledger.workflows.save(line("work", "flaky", "ask", "refuse"), workflow_id="order")
            run = ledger.runs.proceed(ledger.runs.start("order").id)
            run = ledger.runs.resume(run.id, payload=1)
            return [(event.type, without_ids(event.data)) for event in ledger.history.events(run.id)]

    def without_ids(data: Any) -> Any:
        own = {"correlation_id", "worker", "lease_until", "owner"}
        return {key: without_ids(value) if key == "after" else value for key, value in data.items() if key not in own}

    plain = events()
    assert "traceback" in plain[-1][1]["error"]
    assert events(telemetry=collector.telemetry) == plain


def test_a_provider_that_is_set_up_later_gets_the_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with fl.open_ledger("memory:", executors(), telemetry=fl.Telemetry()) as ledger:
        ledger.workflows.save(line("work"), workflow_id="order")
        assert ledger.runs.start("order").status == "completed"
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
        assert ledger.runs.start("order").status == "completed"
    assert [span.name for span in exporter.get_finished_spans()] == ["step work-0", "run order", "execute order"]
    provider.shutdown()


class OtherTracer(trace.Tracer):
    """One that isn't the SDK's: it chooses the ids itself."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def start_span(self, name: str, context: Any = None, *args: Any, **kwargs: Any) -> trace.Span:
        self.started.append(name)
        return trace.NonRecordingSpan(trace.get_current_span(context).get_span_context())

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


class OtherProvider(trace.TracerProvider):
    def __init__(self) -> None:
        self.tracer = OtherTracer()

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        return self.tracer


def test_a_tracer_that_is_not_the_sdks_gets_calls_and_steps() -> None:
    provider = OtherProvider()
    with fl.open_ledger("memory:", executors(), telemetry=fl.Telemetry(provider)) as ledger:
        ledger.workflows.save(line("work"), workflow_id="order")
        assert ledger.runs.start("order").status == "completed"
    assert provider.tracer.started == ["execute order", "step work-0"]


@pytest.mark.parametrize(
    "forged", ["00-1-2-01", f"00-{'0' * 32}-{'1' * 16}-01", f"01-{'1' * 32}-{'1' * 16}-01", "\x1b[2J"]
)
def test_an_import_takes_no_traceparent_that_is_none(collector: Collector, tmp_path: Path, forged: str) -> None:
    with open_traced(collector) as ledger, collector.application.start_as_current_span("request"):
        ledger.workflows.save(line("work"), workflow_id="order")
        ledger.history.export(ledger.runs.start("order").id, tmp_path / "run.jsonl")
    content = (tmp_path / "run.jsonl").read_bytes()

    def forge(events: list[Event]) -> None:
        (started,) = (event["data"] for event in events if event["type"] == "run.started")
        assert started["traceparent"].startswith("00-")
        started["traceparent"] = forged

    with fl.open_ledger("memory:") as ledger:
        ledger.history.import_(tmp_path / "run.jsonl")  # which is taken as it was written
    (tmp_path / "forged.jsonl").write_bytes(forged_export(content, forge))
    with fl.open_ledger("memory:") as ledger, pytest.raises(fl.InvalidExport, match="is no traceparent"):
        ledger.history.import_(tmp_path / "forged.jsonl")


def test_two_ledgers_may_share_one_telemetry(collector: Collector) -> None:
    with open_traced(collector) as first, open_traced(collector) as second:
        for ledger in (first, second):
            ledger.workflows.save(line("work"), workflow_id="order")
            ledger.runs.start("order")
    assert len({span.context.trace_id for span in collector.spans() if span.context}) == 2


def test_what_is_no_telemetry_is_refused() -> None:
    with pytest.raises(fl.InvalidRequest, match=r"telemetry True is no Telemetry: give fl\.Telemetry\(\)"):
        fl.open_ledger("memory:", telemetry=True)  # type: ignore[arg-type]


def test_without_opentelemetry_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("flowledger.infrastructure.telemetry.")]:
        if not name.endswith(".settings"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(fl.InvalidRequest, match=r"pip install 'flowledger\[otel\]'"):
        fl.Telemetry()
