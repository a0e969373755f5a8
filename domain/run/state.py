"""What the events of a run fold into."""

from collections.abc import Callable, Mapping
from typing import Any

from ..events.envelope import Distribution
from ..values.clock import micros, moment_of_millis
from ..values.json import freeze
from .context import Context
from .events import (
    CANCELLED,
    FAILED,
    METADATA_SET,
    PAUSED,
    RECOVERED,
    RESUMED,
    RETRIED,
    STARTED,
    STEP_COMPLETED,
    STEP_FAILED,
    Origin,
)
from .results import History, result_in
from .snapshot import RetryState, Snapshot, Status


class RunState:
    """The fold of a run's events. ``evolve`` changes it in place: folding 100,000 events makes one state, not 100,000.

    What leaves it, ``snapshot()``, is immutable and shares the results instead of copying them.
    """

    __slots__ = (
        "cancelled", "code", "context", "current_node_id", "definition_digest", "distributions", "failed_reason",
        "finished_at", "last_started_at", "metadata", "origin", "paused_reason", "payload", "queued", "recorded_at",
        "retry_at", "retry_attempts", "retry_node_id", "reused", "run_id", "started_at", "status", "total_time",
        "version", "work_order_id", "workflow_id", "workflow_version",
    )  # fmt: skip

    def __init__(self, run_id: str | None = None) -> None:
        self.run_id = run_id
        self.workflow_id = ""
        self.workflow_version = 0
        self.definition_digest = ""
        self.work_order_id: str | None = None
        self.origin: Origin | None = None
        self.code: Mapping[str, str] = {}
        self.distributions: Mapping[str, Distribution] = {}
        self.status: Status = "active"
        self.cancelled = False
        self.current_node_id: str | None = None
        self.context = Context(History(), 0)
        self.reused = 0
        """How many of the results, the first ones, are those of an earlier run."""
        self.queued = False
        self.version = 0
        self.last_started_at: int | None = None
        self.total_time: int | None = None
        self.metadata: Mapping[str, Any] = freeze({})
        self.paused_reason: str | None = None
        self.failed_reason: str | None = None
        self.retry_node_id: str | None = None
        self.retry_attempts = 0
        self.retry_at: int | None = None
        self.payload: Any = None
        self.started_at = 0
        self.finished_at: int | None = None
        self.recorded_at = 0

    def become(self, other: "RunState") -> None:
        """Take over the other state of the same run."""
        for name in RunState.__slots__:
            setattr(self, name, getattr(other, name))

    def begin_with(self, past: "RunState", origin: Origin) -> None:
        """Before the first event: begin with the results of the origin's run then; a fork with all that it was."""
        if origin["kind"] == "fork":
            run_id = self.run_id
            self.become(past)
            self.run_id, self.version = run_id, 0
        self.context = past.context
        self.reused = past.context.count

    @property
    def label(self) -> str:
        """How messages call it."""
        return "the run" if self.run_id is None else f"run {self.run_id!r}"

    @property
    def shown_status(self) -> str:
        """The status in words: a Snapshot's, or ``cancelled``, which a Snapshot shows as ``failed``."""
        return "cancelled" if self.cancelled else self.status

    @staticmethod
    def from_snapshot(snapshot: Snapshot) -> "RunState":
        """The state to go on from where a snapshot is all there is."""
        state = RunState()
        metadata = dict(snapshot.metadata)
        state.paused_reason = metadata.pop("pausedReason", None)
        state.failed_reason = metadata.pop("failedReason", None)
        state.metadata = freeze(metadata)
        state.workflow_id = snapshot.workflow_id
        state.status = snapshot.status
        state.current_node_id = snapshot.current_node_id
        state.context = snapshot.context
        state.version = snapshot.version
        state.last_started_at = None if snapshot.last_started_at is None else micros(snapshot.last_started_at)
        state.total_time = None if snapshot.total_execution_time is None else snapshot.total_execution_time * 1000
        if snapshot.retry_state is not None:
            retry = snapshot.retry_state
            state.retry_node_id = retry.node_id
            state.retry_attempts = retry.attempts
            state.retry_at = None if retry.next_retry_at is None else micros(retry.next_retry_at)
            state.payload = retry.payload
        return state

    def snapshot(self) -> Snapshot:
        """The state now, immutable."""
        return Snapshot(
            workflow_id=self.workflow_id,
            status=self.status,
            current_node_id=self.current_node_id,
            context=self.context,
            version=self.version,
            last_started_at=None if self.last_started_at is None else moment_of_millis(self.last_started_at // 1000),
            total_execution_time=None if self.total_time is None else self.total_time // 1000,
            metadata=self.shown_metadata(),
            retry_state=self._retry_state(),
        )

    def shown_metadata(self) -> Mapping[str, Any]:
        """The metadata with the reasons for the state among them, as a snapshot shows them."""
        if self.paused_reason is None and self.failed_reason is None:
            return self.metadata
        shown = dict(self.metadata)
        if self.paused_reason is not None:
            shown["pausedReason"] = self.paused_reason
        if self.failed_reason is not None:
            shown["failedReason"] = self.failed_reason
        return freeze(shown)  # type: ignore[no-any-return]

    def _retry_state(self) -> RetryState | None:
        if self.retry_node_id is None:
            return None
        due = None if self.retry_at is None else moment_of_millis(self.retry_at // 1000)
        return RetryState(self.retry_node_id, self.retry_attempts, due, self.payload)


FOLD_REVISION = 6
"""Raise it with every change to what ``evolve`` makes of an event, or to the form in which that is kept: checkpoints of
other revisions are ignored."""


def evolve(state: RunState, type: str, data: Mapping[str, Any]) -> None:
    """Fold one event into the state."""
    _EVOLVE[type](state, data)
    state.version += 1
    state.recorded_at = data["recorded_at"]


def _started(state: RunState, data: Mapping[str, Any]) -> None:
    state.workflow_id = data["workflow_id"]
    state.workflow_version = data["workflow_version"]
    state.definition_digest = data.get("definition_digest", "")  # an engine alone has no use for it
    state.work_order_id = data.get("correlation_id")
    state.origin = data.get("origin")
    state.queued = "queued" in data
    _run_by(state, data)
    state.current_node_id = data.get("start_node_id")
    state.started_at = data["recorded_at"]
    if state.origin is not None and state.origin["kind"] == "fork":
        _forked(state, data)
        return
    state.payload = data.get("payload")
    state.metadata = freeze(data.get("metadata", {}))
    state.last_started_at = data["recorded_at"]
    state.total_time = 0


def _forked(state: RunState, data: Mapping[str, Any]) -> None:
    """Stand where the source stood, but for what was edited. What had ended then has ended when the fork began."""
    if "metadata" in data:
        _metadata_set(state, data)
    if state.finished_at is not None:
        state.finished_at = data["recorded_at"]
    if (edited := data.get("edited")) is None:
        state.payload = data.get("payload", state.payload)
        return
    state.reused -= 1
    result = {key: edited[key] for key in ("node_id", "attempt", "output") if key in edited}
    result["started_at"] = result["recorded_at"] = data["recorded_at"]
    state.context = Context(state.context.history.extended(state.reused, result), state.reused + 1)
    state.payload = data.get("payload")
    _go_on(state)
    if "next_node_id" not in edited:
        _end(state, "completed", data)


def _step_completed(state: RunState, data: Mapping[str, Any]) -> None:
    _count_step(state, data)
    state.payload = None
    state.retry_node_id = None
    if state.cancelled:
        return
    if state.status == "active":
        state.paused_reason = None
    if (next_node_id := data.get("next_node_id")) is not None:
        state.current_node_id = next_node_id
    elif "unrouted" in data:
        state.current_node_id = data["node_id"]  # a fold that passed over the steps before doesn't know it yet
    else:
        state.current_node_id = None
        _end(state, "completed", data)


def _step_failed(state: RunState, data: Mapping[str, Any]) -> None:
    _count_step(state, data)
    if state.cancelled:
        return
    if (retry_at := data.get("retry_at")) is None:
        state.retry_node_id = None
        _end(state, "failed", data)
        return
    if state.status == "active":
        state.status = "error"
        state.retry_node_id = data["node_id"]
        state.retry_attempts = data.get("attempt", 1)
        state.retry_at = retry_at
        state.paused_reason = f"Retry attempt {state.retry_attempts}"


def _count_step(state: RunState, data: Mapping[str, Any]) -> None:
    context = state.context
    state.context = Context(context.history.extended(context.count, result_in(data)), context.count + 1)
    _count_time(state, data)


def _count_time(state: RunState, data: Mapping[str, Any]) -> None:
    state.last_started_at = data["started_at"]
    state.total_time = data["spent"]


def _end(state: RunState, status: Status, data: Mapping[str, Any]) -> None:
    state.status = status
    state.paused_reason = None
    state.finished_at = data["recorded_at"]


def _paused(state: RunState, data: Mapping[str, Any]) -> None:
    state.retry_node_id = None
    if "node_id" in data:
        _count_time(state, data)
        state.payload = None
    if state.status == "paused" or state.cancelled:
        return
    state.status = "paused"
    state.paused_reason = data.get("reason")


def _run_by(state: RunState, data: Mapping[str, Any]) -> None:
    """Take over which code runs from here on, where the event says anything of it."""
    if "code" in data:
        state.code, state.distributions = data["code"], data.get("distributions", {})


def _resumed(state: RunState, data: Mapping[str, Any]) -> None:
    _claimed(state, data)
    # A node's own pause has cleared the payload; after an operator's, the step that was held back still sees its own.
    state.payload = data.get("payload", state.payload)


def _claimed(state: RunState, data: Mapping[str, Any]) -> None:
    _run_by(state, data)
    _go_on(state)
    state.queued = "queued" in data
    state.last_started_at = data["recorded_at"]


def _go_on(state: RunState) -> None:
    """Run, whatever held the run up. Only a fork goes on from what had ended."""
    state.status = "active"
    state.cancelled = False
    state.paused_reason = state.failed_reason = state.finished_at = None
    state.retry_node_id = None


def _cancelled(state: RunState, data: Mapping[str, Any]) -> None:
    state.cancelled = True
    state.retry_node_id = None
    state.failed_reason = f"Cancelled by {data['by']}" + (f": {data['reason']}" if "reason" in data else "")
    _end(state, "failed", data)


def _failed(state: RunState, data: Mapping[str, Any]) -> None:
    state.failed_reason = data["reason"]
    _end(state, "failed", data)


def _metadata_set(state: RunState, data: Mapping[str, Any]) -> None:
    merged = {**state.metadata, **data["metadata"]}
    state.metadata = freeze({key: value for key, value in merged.items() if value is not None})


_EVOLVE: dict[str, Callable[[RunState, Mapping[str, Any]], None]] = {
    STARTED: _started,
    STEP_COMPLETED: _step_completed,
    STEP_FAILED: _step_failed,
    PAUSED: _paused,
    RESUMED: _resumed,
    RETRIED: _resumed,
    RECOVERED: _claimed,
    CANCELLED: _cancelled,
    FAILED: _failed,
    METADATA_SET: _metadata_set,
}
