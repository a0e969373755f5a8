"""What a ledger tells OpenTelemetry: runs that begin, that are executed, and that end."""

from typing import cast

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Link, TracerProvider

from ...domain.execution.step_loop import StepLoop
from ...domain.ports import GuardingStore, NewEvent
from ...domain.run import RECOVERED, RunState
from .appends import ObservedStore
from .attributes import of_run
from .call import Commit, ObservedCall
from .metrics import Metrics, Queue
from .tracer import RunTracer, read_traceparent, root_of, write_traceparent


class Observer:
    """Shared by all that work on one ledger."""

    def __init__(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        self._tracer = RunTracer(tracer_provider)
        self._metrics = Metrics(meter_provider)

    def watch(self, store: GuardingStore) -> GuardingStore:
        """The same store, whose appends are measured."""
        return cast("GuardingStore", ObservedStore(store, self._metrics.append_duration))

    def watch_queue(self, queue: Queue) -> None:
        """Measure the runs that haven't ended, whenever metrics are collected, for as long as the ledger is there."""
        self._metrics.queues.add(queue)

    def mark_start(self, started: NewEvent) -> NewEvent:
        """The first event of a run, with the caller's span, where there is one."""
        caller = trace.get_current_span().get_span_context()
        if not caller.is_valid:
            return started
        return NewEvent(started.type, {**started.data, "traceparent": write_traceparent(caller)})

    def begin(self, state: RunState) -> None:
        """A run was stored: the caller's span leads to it."""
        caller = trace.get_current_span()
        if caller.is_recording():
            caller.add_link(root_of(state.run_id or "", sampled=caller.get_span_context().trace_flags.sampled))

    def claim(self, event: NewEvent, due_at: int | None) -> None:
        """A run was claimed, which was due at that time, in microseconds since 1970."""
        if event.type == RECOVERED:
            self._metrics.recoveries.add(1)
        if due_at is not None:
            self._metrics.due_lag.record(max(event.data["recorded_at"] - due_at, 0) / 1_000_000)

    def execute(self, state: RunState, steps: StepLoop, commit: Commit) -> tuple[StepLoop, Commit]:
        """The steps of a call and the commit of their events, both observed."""
        call = ObservedCall(state, steps, commit, self._tracer, self._metrics, self.end)
        return call.steps(), call

    def end(self, state: RunState) -> None:
        """A run has ended: its whole span can be recorded."""
        run_id, starter = state.run_id or "", read_traceparent(state.traceparent)
        if state.finished_at is None or not self._tracer.is_sampled(run_id, starter):
            return
        links = [] if starter is None else [Link(starter)]
        if state.origin is not None:
            links.append(
                Link(root_of(state.origin["run_id"], sampled=True), {"flowledger.origin": state.origin["kind"]})
            )
        attributes = {**of_run(state), "flowledger.run.status": state.run_status}
        span = range(state.started_at * 1000, state.finished_at * 1000)
        failed = state.status == "failed" and not state.cancelled
        self._tracer.record_root(run_id, f"run {state.workflow_id}", attributes, links, span, failed=failed)
