"""Where to find a run, or one of its events, among the traces of OpenTelemetry."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...domain.ports import RecordedEvent
from ...domain.run import BY_OPERATOR, CLAIMS, PAUSED, STEP_COMPLETED, STEP_FAILED
from ...domain.values.trace_ids import claim_span_id, run_span_id, step_span_id, trace_id_of
from ..serialization import to_json_value


@dataclass(frozen=True, slots=True)
class TraceLink:
    """The trace of a run, and the span of the run or of one of its events, whether or not they were sent anywhere."""

    run_id: str
    """The run's id, from which both others follow."""
    version: int | None
    """The event's; None: the whole run."""
    trace_id: str
    """32 hexadecimal digits, the same for all of the run."""
    span_id: str
    """16 hexadecimal digits: of the step, of the call or worker that resumed, retried, claimed or recovered the run, or
    of the whole run."""
    started_in: str | None
    """The span in which the run was started, as a ``traceparent`` of W3C Trace Context; None where that wasn't traced.
    """

    def to_data(self) -> dict[str, Any]:
        """As JSON: keys in camelCase."""
        data: dict[str, Any] = to_json_value(self)
        return data


def whole_run(run_id: str, started_in: str | None) -> TraceLink:
    """The link to the span of the whole run."""
    return TraceLink(run_id, None, trace_id_of(run_id), run_span_id(run_id), started_in)


def one_event(run_id: str, backwards: Iterator[RecordedEvent], started_in: str | None) -> TraceLink:
    """The link to the span of the first of these events, which go backwards from it."""
    event = next(backwards)
    if event.type in CLAIMS and event.version > 1:
        span_id = claim_span_id(run_id, event.version)
    elif event.type in (STEP_COMPLETED, STEP_FAILED) or (event.type == PAUSED and "node_id" in event.data):
        # A step knows nothing yet of what operators append while it runs.
        before = next(earlier for earlier in backwards if not _by_operator(earlier))
        span_id = step_span_id(run_id, before.version + 1)
    else:
        span_id = run_span_id(run_id)
    return TraceLink(run_id, event.version, trace_id_of(run_id), span_id, started_in)


def _by_operator(event: RecordedEvent) -> bool:
    return event.type in BY_OPERATOR and "node_id" not in event.data
