"""The state of a run: what its events fold into."""

from collections.abc import Mapping
from sys import maxsize
from typing import Any

from ..events.envelope import Distribution
from ..status import TERMINAL, RunStatus, SnapshotStatus
from ..values.clock import micros, moment_of_millis
from ..values.json import freeze
from .context import Context
from .events import Origin
from .own_part import OWN_PART, own_part
from .results import NO_KEYS, ResultLog
from .snapshot import RetryState, Snapshot


class RunState:
    """The fold of a run's events. ``evolve`` changes it in place: folding 100,000 events makes one state, not 100,000.

    What leaves it, ``snapshot()``, is immutable and shares the results instead of copying them.
    """

    __slots__ = (
        "cancelled",
        "code",
        "context",
        "current_node_id",
        "definition_digest",
        "distributions",
        "extra",
        "failed_reason",
        "finished_at",
        "last_started_at",
        "metadata",
        "origin",
        "paused_reason",
        "payload",
        "queued",
        "recorded_at",
        "retry_at",
        "retry_attempts",
        "retry_extra",
        "retry_node_id",
        "reused",
        "run_id",
        "started_at",
        "status",
        "total_time",
        "version",
        "work_order_id",
        "workflow_id",
        "workflow_version",
    )

    def __init__(self, run_id: str | None = None) -> None:
        self.run_id = run_id
        self.workflow_id = ""
        self.workflow_version = 0
        self.definition_digest = ""
        self.work_order_id: str | None = None
        self.origin: Origin | None = None
        self.code: Mapping[str, str] = {}
        self.distributions: Mapping[str, Distribution] = {}
        self.status: SnapshotStatus = "active"
        self.cancelled = False
        self.current_node_id: str | None = None
        self.context = Context(ResultLog(), 0)
        self.reused = 0
        """How many results, the first ones, come from an earlier run."""
        self.queued = False
        self.version = 0
        self.last_started_at: int | None = None
        self.total_time: int | None = None
        self.metadata: Mapping[str, Any] = NO_KEYS
        self.extra: Mapping[str, Any] = NO_KEYS
        """Keys of an application's own in the snapshot that it was adopted from."""
        self.paused_reason: str | None = None
        self.failed_reason: str | None = None
        self.retry_node_id: str | None = None
        self.retry_attempts = 0
        self.retry_at: int | None = None
        self.retry_extra = NO_KEYS
        self.payload: Any = None
        self.started_at = 0
        self.finished_at: int | None = None
        self.recorded_at = 0

    def become(self, other: "RunState") -> None:
        """Take over another state of the same run."""
        for name in RunState.__slots__:
            setattr(self, name, getattr(other, name))

    def begin_with(self, past: "RunState", origin: Origin) -> None:
        """Before the first event: begin with the results of the origin; a fork with its whole state."""
        if origin["kind"] == "fork":
            run_id = self.run_id
            self.become(past)
            self.run_id, self.version = run_id, 0
        self.context = past.context
        self.reused = past.context.count

    @property
    def label(self) -> str:
        """What messages call it."""
        return "the run" if self.run_id is None else f"run {self.run_id!r}"

    @property
    def run_status(self) -> RunStatus:
        """A Snapshot's status, or ``cancelled``, which a Snapshot shows as ``failed``."""
        return "cancelled" if self.cancelled else self.status

    @staticmethod
    def from_snapshot(snapshot: Snapshot) -> "RunState":
        """The state to continue from, made from a snapshot alone."""
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
            state.retry_extra = retry.extra
        state.payload = snapshot.payload
        state.extra = freeze({key: value for key, value in snapshot.extra.items() if key != OWN_PART})
        if state.current_node_id is None and state.status not in TERMINAL:  # so the reference engine takes it, too
            state.status = "completed"
            state.retry_node_id = state.paused_reason = None
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
            metadata=self.snapshot_metadata(),
            retry_state=self._retry_state(),
            extra=self._snapshot_extra(),
            payload=None if self.status in TERMINAL else self.payload,
        )

    def snapshot_metadata(self) -> Mapping[str, Any]:
        """The metadata as a snapshot shows it: with the reasons for a pause or a failure."""
        if self.paused_reason is None and self.failed_reason is None:
            return self.metadata
        shown = dict(self.metadata)
        if self.paused_reason is not None:
            shown["pausedReason"] = self.paused_reason
        if self.failed_reason is not None:
            shown["failedReason"] = self.failed_reason
        return freeze(shown)  # type: ignore[no-any-return]

    def _snapshot_extra(self) -> Mapping[str, Any]:
        """The application's own keys, and the part of ours where a payload waits that no step has seen."""
        waits = self.status == "paused" or (self.status == "active" and self.queued)
        if self.payload is None or not waits:
            return self.extra
        last_started_at = None if self.last_started_at is None else self.last_started_at // 1000
        part = own_part(self.payload, self.version, last_started_at)
        return freeze({**self.extra, OWN_PART: part}, "payload", limit=maxsize)  # type: ignore[no-any-return]

    def _retry_state(self) -> RetryState | None:
        if self.retry_node_id is None:
            return None
        due = None if self.retry_at is None else moment_of_millis(self.retry_at // 1000)
        return RetryState(self.retry_node_id, self.retry_attempts, due, self.payload, self.retry_extra)
