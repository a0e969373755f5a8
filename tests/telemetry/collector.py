"""Collects in memory what a ledger sends."""

from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import SpanContext, Tracer

import flowledger as fl


class Collector:
    """The providers of one process, as its application sets them up."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider(sampler)
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        self.telemetry = fl.Telemetry(self._provider, MeterProvider([self._reader], shutdown_on_exit=False))

    @property
    def application(self) -> Tracer:
        """The tracer of the application's own spans."""
        return self._provider.get_tracer("application")

    def spans(self, name: str = "") -> list[ReadableSpan]:
        """The finished spans whose names begin so, in the order in which they ended."""
        return [span for span in self._exporter.get_finished_spans() if span.name.startswith(name)]

    def span(self, name: str) -> ReadableSpan:
        (span,) = self.spans(name)
        return span

    def points(self) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
        """Name, attributes and value of all that was measured: of histograms, how often, and the sum."""
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data is not None else ():
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                point: Any
                for point in metric.data.data_points:
                    value = point.value if hasattr(point, "value") else (point.count, point.sum)
                    yield metric.name, dict(point.attributes or {}), value

    def close(self) -> None:
        self._provider.shutdown()


def trace_of(span: ReadableSpan) -> str:
    return f"{context_of(span).trace_id:032x}"


def id_of(span: ReadableSpan) -> str:
    return f"{context_of(span).span_id:016x}"


def parent_of(span: ReadableSpan) -> str | None:
    return None if span.parent is None else f"{span.parent.span_id:016x}"


def links_of(span: ReadableSpan) -> list[tuple[int, int]]:
    return [(link.context.trace_id, link.context.span_id) for link in span.links]


def context_of(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


def ids_in(span: ReadableSpan) -> tuple[int, int]:
    return context_of(span).trace_id, context_of(span).span_id
