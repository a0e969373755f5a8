"""One call, or one worker's turn, that executes steps of a run: a span, with a span for each step inside."""

import sys
import time
from collections.abc import Mapping
from contextvars import Token
from typing import Any, Protocol

from opentelemetry import context, trace
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, StatusCode

from ...domain.execution.step_loop import Execute, StepLoop
from ...domain.ports import NewEvent
from ...domain.run import PAUSED, STEP_FAILED, RunState
from ...domain.status import TERMINAL
from ...domain.values.trace_ids import claim_span_id, step_span_id
from .attributes import Attributes, of_run
from .metrics import Metrics
from .tracer import RunTracer, ids_of, read_traceparent, root_of


class Commit(Protocol):
    """Makes events durable, and folds them into the state of the run."""

    def __call__(self, events: list[NewEvent], /) -> None: ...

    async def acommit(self, events: list[NewEvent], /) -> None:
        """The same for a task."""

    def close(self) -> None:
        """The steps are over, or were interrupted."""


class Ended(Protocol):
    """Is told of a run that has ended."""

    def __call__(self, state: RunState, /) -> None: ...


class ObservedCall:
    """Stands between the runner and the steps of one call: gives it the same steps, and commits the same events.

    While an executor runs, its span is the current one, in whatever thread or task it runs. No executor is wrapped, so
    tracebacks are what they are without.
    """

    def __init__(
        self, state: RunState, steps: StepLoop, commit: Commit, tracer: RunTracer, metrics: Metrics, ended: Ended
    ) -> None:
        self._state = state
        self._inner = steps
        self._commit = commit
        self._tracer = tracer
        self._metrics = metrics
        self._ended = ended
        self._caller = trace.get_current_span()
        self._handled: BaseException | None = None
        """What the caller was handling already."""
        self._run_id = state.run_id or ""
        self._of_run = of_run(state)
        self._claim: Span = NonRecordingSpan(trace.INVALID_SPAN_CONTEXT)
        self._step: Span | None = None
        self._type = ""
        self._began = 0.0
        self._seconds = 0.0
        self._finished_at = 0
        self._around_claim: Token[context.Context] | None = None
        self._around_step: Token[context.Context] | None = None

    def steps(self) -> StepLoop:
        """The steps, for the runner."""
        self._begin()
        answer: Any = None
        while True:
            try:
                asked = self._inner.send(answer)
            except StopIteration:
                return
            if isinstance(asked, Execute):
                self._begin_step(asked)
                answer = yield asked
                self._leave_step()
            else:
                answer = yield asked

    # --- as the commit ------------------------------------------------------------------------------------------------

    def __call__(self, events: list[NewEvent]) -> None:
        self._end_step(events)
        self._commit(events)
        self._tell_end()

    async def acommit(self, events: list[NewEvent]) -> None:
        """The same for a task."""
        self._end_step(events)
        await self._commit.acommit(events)
        self._tell_end()

    def close(self) -> None:
        """The steps are over, or were interrupted."""
        try:
            self._commit.close()
        finally:
            self._end()

    # --- the call -----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._handled = sys.exception()
        state, run_id = self._state, self._run_id
        starter, caller = read_traceparent(state.traceparent), self._caller.get_span_context()
        sampled = self._tracer.is_sampled(run_id, starter)
        attributes = {**self._of_run, "flowledger.run.version": state.version}
        self._claim = self._tracer.start(
            f"execute {state.workflow_id}",
            ids_of(run_id, claim_span_id(run_id, state.version)),
            NonRecordingSpan(root_of(run_id, sampled=sampled)),
            attributes,
            [Link(caller)] if caller.is_valid else [],
        )
        if caller.is_valid:
            _link(self._caller, self._claim.get_span_context())
        self._around_claim = context.attach(trace.set_span_in_context(self._claim))

    def _end(self) -> None:
        if (interrupted := sys.exception()) is not None and interrupted is not self._handled:
            self._fail(self._step or self._claim, type(interrupted).__name__)
        self._leave_step()
        if self._step is not None:
            self._step.end()
            self._step = None
        if self._around_claim is not None:
            context.detach(self._around_claim)
            self._around_claim = None
            if self._claim.is_recording():
                self._claim.set_attribute("flowledger.run.status", self._state.run_status)
            self._claim.end()

    def _tell_end(self) -> None:
        if self._state.status in TERMINAL and not self._state.cancelled:  # a cancellation tells it itself
            self._ended(self._state)

    # --- one step -----------------------------------------------------------------------------------------------------

    def _begin_step(self, asked: Execute) -> None:
        node, self._type = asked.context.node, asked.executor.type
        self._step = self._start_step(
            {
                **self._of_run,
                "flowledger.node.id": node.id,
                "flowledger.node.type": self._type,
                "flowledger.attempt": asked.context.attempt,
                "code.function.name": asked.executor.qualified_name,
            }
        )
        self._around_step = context.attach(trace.set_span_in_context(self._step))
        self._began = time.perf_counter()

    def _leave_step(self) -> None:
        """The executor is done: what comes now is no part of the step."""
        if self._around_step is not None:
            self._seconds = time.perf_counter() - self._began
            self._finished_at = time.time_ns()
            context.detach(self._around_step)
            self._around_step = None

    def _end_step(self, events: list[NewEvent]) -> None:
        """The outcome of the step is known: measure it, and end its span when the executor was done."""
        type, data = events[0]
        if "node_id" not in data:  # the run's own end, such as the step limit
            return
        outcome = _outcome_of(type, data)
        span, executed = self._step, self._step is not None
        labels = {"flowledger.step.outcome": outcome}
        if type == STEP_FAILED:
            labels["error.type"] = data["error"]["type"]
        if executed:
            self._metrics.step_duration.record(self._seconds, {"flowledger.node.type": self._type, **labels})
        else:
            span = self._start_step({**self._of_run, "flowledger.node.id": data["node_id"]})
        assert span is not None  # noqa: S101 - one of both branches made it
        if span.is_recording():
            span.set_attributes(labels)
            if "recorded" in data:
                span.set_attribute("flowledger.step.recorded", True)
            if type == STEP_FAILED:
                span.set_status(StatusCode.ERROR)  # its message may say what was in a payload
        span.end(self._finished_at if executed else None)
        self._step = None

    def _start_step(self, attributes: Attributes) -> Span:
        ids = ids_of(self._run_id, step_span_id(self._run_id, self._state.version + 1))
        return self._tracer.start(f"step {attributes['flowledger.node.id']}", ids, self._claim, attributes)

    def _fail(self, span: Span, error: str) -> None:
        if span.is_recording():
            span.set_attribute("error.type", error)
            span.set_status(StatusCode.ERROR)


def _outcome_of(type: str, data: Mapping[str, Any]) -> str:
    if type == STEP_FAILED:
        return "retrying" if "retry_at" in data else "failed"
    return "paused" if type == PAUSED else "completed"


def _link(span: Span, other: SpanContext) -> None:
    """A link of a span to what it led to."""
    if span.is_recording():
        span.add_link(other)
