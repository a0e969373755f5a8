"""Starting spans whose ids are derived from the run, in its own trace."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from copy import copy
from typing import Any, NamedTuple, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, StatusCode, TraceFlags, Tracer, TracerProvider

from ...domain.values.trace_ids import run_span_id, trace_id_of

SCOPE = "flowledger"
"""The instrumentation scope of all spans and metrics."""

_EMPTY = Context()


class _Ids(NamedTuple):
    trace: int
    span: int


_wanted: ContextVar[_Ids | None] = ContextVar("flowledger_span_ids", default=None)
"""The ids of the span that is being started."""


class _DerivedIds:
    """Takes the place of the SDK's generator of ids, for the tracer of this scope alone."""

    def __init__(self, others: Any) -> None:
        self._others = others

    def generate_span_id(self) -> int:
        wanted = _wanted.get()
        return cast("int", self._others.generate_span_id()) if wanted is None else wanted.span

    def generate_trace_id(self) -> int:
        wanted = _wanted.get()
        return cast("int", self._others.generate_trace_id()) if wanted is None else wanted.trace

    def is_trace_id_random(self) -> bool:
        """A digest is as good as random for samplers."""
        return _wanted.get() is not None or bool(getattr(self._others, "is_trace_id_random", bool)())


class RunTracer:
    """The tracer of one provider, or of the global one, which may be set up at any time."""

    def __init__(self, provider: TracerProvider | None) -> None:
        self._given = provider
        self._of: TracerProvider | None = None
        self._tracer: Tracer | None = None

    def start(
        self,
        name: str,
        ids: tuple[int, int],
        parent: Span,
        attributes: Mapping[str, Any],
        links: Sequence[Link] = (),
    ) -> Span:
        """A started span with these ids, of trace and span.

        Tracers that aren't the SDK's choose ids of spans by themselves.
        """
        tracer = self._get()
        token = _wanted.set(_Ids(*ids))
        try:
            return tracer.start_span(
                name, trace.set_span_in_context(parent, _EMPTY), attributes=attributes, links=links
            )
        finally:
            _wanted.reset(token)

    def record_root(
        self,
        run_id: str,
        name: str,
        attributes: Mapping[str, Any],
        links: Sequence[Link],
        span: range,
        *,
        failed: bool,
    ) -> None:
        """Record the span of a whole run that was sampled, from one time to another, in nanoseconds since 1970.

        Only the SDK's tracers can give it the id that its children name as their parent.
        """
        tracer: Any = copy(self._get())
        if not isinstance(getattr(tracer, "id_generator", None), _DerivedIds):
            return
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON

        tracer.sampler = ALWAYS_ON  # it was decided when the run began
        token = _wanted.set(_Ids(*ids_of(run_id, run_span_id(run_id))))
        try:
            root = tracer.start_span(name, _EMPTY, attributes=attributes, links=links, start_time=span.start)
        finally:
            _wanted.reset(token)
        if failed:
            root.set_status(StatusCode.ERROR)
        root.end(span.stop)

    def is_sampled(self, run_id: str, starter: SpanContext | None) -> bool:
        """Whether a run is traced: as the span was in which it was started; without one, as its trace id is sampled, so
        that every process decides the same."""
        if starter is not None:
            return starter.trace_flags.sampled
        sampler = getattr(self._get(), "sampler", None)
        if sampler is None:
            return True
        decided = sampler.should_sample(_EMPTY, int(trace_id_of(run_id), 16), "run", trace.SpanKind.INTERNAL, {}, ())
        return bool(decided.decision.is_sampled())

    def _get(self) -> Tracer:
        provider = self._given or trace.get_tracer_provider()
        if self._tracer is None or provider is not self._of:
            from importlib.metadata import version

            tracer = provider.get_tracer(SCOPE, version("flowledger"))
            # The SDK's; it is kept by its provider, and may have been met before.
            ids = getattr(tracer, "id_generator", None)
            if ids is not None and not isinstance(ids, _DerivedIds):
                tracer.id_generator = _DerivedIds(ids)  # type: ignore[attr-defined]
            self._tracer, self._of = tracer, provider
        return self._tracer


def ids_of(run_id: str, span_id: str) -> tuple[int, int]:
    """The ids of a span in the trace of a run, as numbers."""
    return int(trace_id_of(run_id), 16), int(span_id, 16)


def root_of(run_id: str, *, sampled: bool) -> SpanContext:
    """The span of the whole run, which is exported when it ends: the parent of all others."""
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return SpanContext(*ids_of(run_id, run_span_id(run_id)), is_remote=True, trace_flags=flags)


def read_traceparent(text: str | None) -> SpanContext | None:
    """The span that a checked traceparent names."""
    if text is None:
        return None
    _, trace_id, span_id, flags = text.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def write_traceparent(context: SpanContext) -> str:
    """The span as W3C Trace Context writes it."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
