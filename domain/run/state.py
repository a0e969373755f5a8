"""The state of a run: what its events fold into."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from sys import maxsize
from typing import Any, cast

from ..events.envelope import Distribution
from ..status import TERMINAL, RunStatus, SnapshotStatus
from ..values.clock import micros, moment_of_millis
from ..values.json import freeze
from ..values.used_keys import UsedKeys
from .context import Context
from .events import Origin
from .own_part import OWN_PART, own_part
from .results import NO_KEYS, ResultLog
from .shown_metadata import split_metadata, tell_apart
from .snapshot import RetryState, Snapshot
from .waits import GivenAnswer, Holding, OpenWait


class RunState:
    """The fold of a run's events. ``evolve`` changes it in place: folding 100,000 events makes one state, not 100,000.

    What leaves it, ``snapshot()``, is immutable and shares the results instead of copying them. It has no slots: each
    start copies it twice, and a dictionary is copied ten times as fast.
    """

    def __init__(self, run_id: str | None = None) -> None:
        self.run_id = run_id
        self.workflow_id = ""
        self.workflow_version = 0
        self.definition_digest = ""
        self.work_order_id: str | None = None
        self.origin: Origin | None = None
        self.trigger: Mapping[str, Any] | None = None
        self.sealed_by: Sequence[str] = ()
        """Ids of the keys under which its values are sealed."""
        self.unreadable: str | None = None
        """What stands for its values where they can't be read."""
        self.traceparent: str | None = None
        """The span in which it was started."""
        self.adopted: int | None = None
        """The version of the snapshot from elsewhere that the run began as."""
        self.code: Mapping[str, str] = {}
        self.distributions: Mapping[str, Distribution] = {}
        self.status: SnapshotStatus = "active"
        """Apart from a hold, which doesn't change where the run stands."""
        self.cancelled = False
        self.current_node_id: str | None = None
        self.context = Context(ResultLog(), 0)
        self.reused = 0
        """How many results, the first ones, come from an earlier run."""
        self.queued = False
        self.priority = 0
        self.run_at: int | None = None
        """While it is queued: when it may begin."""
        self.owner: str | None = None
        """The worker that claimed it last."""
        self.wait: OpenWait | None = None
        """The question that is open, also while the run is held."""
        self.answer: GivenAnswer | None = None
        """What the node at which the run stands was answered; its payload is ``payload``."""
        self.held: Holding | None = None
        self.parked = False
        """Whether the hold has stopped the worker: the step that was in flight has ended since."""
        self.recoveries = 0
        """How often the run was recovered since the step that is under way was first tried."""
        self.keys: UsedKeys = ()
        """Of the commands on this run that had one."""
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
        self.__dict__.update(other.__dict__)

    def __copy__(self) -> "RunState":
        copied = RunState.__new__(RunState)
        copied.__dict__.update(self.__dict__)
        return copied

    def begin_with(self, past: "RunState", origin: Origin) -> None:
        """Before the first event: begin with the results of the origin; a fork with its whole state."""
        if origin["kind"] == "fork":
            run_id = self.run_id
            self.become(past)
            self.run_id, self.version = run_id, 0
            self.recoveries = 0
            self.keys = ()
        self.context = past.context
        if origin["kind"] == "retry" and past.adopted is not None and past.version == 1 and past.current_node_id:
            # Attempts that were made elsewhere were made before the version that is reused.
            self.context = past.context.without_attempts(past.current_node_id)
        self.reused = past.context.count

    @property
    def label(self) -> str:
        """What messages call it."""
        return "the run" if self.run_id is None else f"run {self.run_id!r}"

    @property
    def run_status(self) -> RunStatus:
        """A Snapshot's status, or ``cancelled``, which a Snapshot shows as ``failed``."""
        return "cancelled" if self.cancelled else self.snapshot_status

    @property
    def snapshot_status(self) -> SnapshotStatus:
        """As a Snapshot shows it: a held run is ``paused``."""
        return self.status if self.held is None else "paused"

    @property
    def due_at(self) -> int | None:
        """When it goes on by itself: at its retry, the deadline of its wait, or when it may begin. None while held."""
        if self.held is not None:
            return None
        if self.wait is not None:
            return self.wait.get("until")
        if self.queued and self.status == "active":
            return self.run_at
        return None if self.retry_node_id is None else self.retry_at

    @staticmethod
    def from_snapshot(snapshot: Snapshot) -> "RunState":
        """The state to continue from, made from a snapshot alone."""
        state = RunState()
        state.metadata, shown = split_metadata(snapshot)
        state.paused_reason = shown.get("pausedReason")
        state.failed_reason = shown.get("failedReason")
        until, held = shown.get("pausedUntil"), shown.get("held")
        state.workflow_id = snapshot.workflow_id
        state.status = snapshot.status
        if held is not None:
            state.status, state.held = held["status"], _read_hold(held)
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
        if state.status == "paused" and state.current_node_id is not None:
            state.wait = _read_wait(state, until)
        return state

    def snapshot(self) -> Snapshot:
        """The state now, immutable."""
        snapshot = Snapshot(
            workflow_id=self.workflow_id,
            status=self.snapshot_status,
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
        extra = tell_apart(snapshot, self.metadata)
        return snapshot if extra is snapshot.extra else replace(snapshot, extra=extra)

    def snapshot_metadata(self) -> Mapping[str, Any]:
        """The metadata as a snapshot shows it: with what the run waits for, who holds it, or why it failed."""
        shown: dict[str, Any] = {
            "pausedReason": self.paused_reason,
            "pausedUntil": None if self.wait is None else _millis(self.wait.get("until")),
            "failedReason": self.failed_reason,
            "held": None,
        }
        if self.held is not None:
            if "as_pause" in self.held:
                shown["pausedReason"] = self.held.get("reason")
            else:
                shown["held"] = _shown_hold(self.held, self.status)
        if not any(value is not None for value in shown.values()):
            return self.metadata
        return freeze({**self.metadata, **{name: value for name, value in shown.items() if value is not None}})  # type: ignore[no-any-return]

    def _snapshot_extra(self) -> Mapping[str, Any]:
        """The application's own keys, and the part of ours where a payload waits that no step has seen."""
        waits = self.snapshot_status == "paused" or (self.status == "active" and self.queued)
        if self.payload is None or not waits or self.retry_node_id is not None:
            return self.extra
        last_started_at = None if self.last_started_at is None else self.last_started_at // 1000
        part = own_part(self.payload, self.version, last_started_at)
        return freeze({**self.extra, OWN_PART: part}, "payload", limit=maxsize)  # type: ignore[no-any-return]

    def _retry_state(self) -> RetryState | None:
        if self.retry_node_id is None:
            return None
        due = None if self.retry_at is None else moment_of_millis(self.retry_at // 1000)
        return RetryState(self.retry_node_id, self.retry_attempts, due, self.payload, self.retry_extra)


def _millis(at: int | None) -> int | None:
    return None if at is None else at // 1000


def _shown_hold(held: Holding, status: SnapshotStatus) -> dict[str, Any]:
    """As JSON; ``status`` is what the run goes on with when it is released."""
    reason = {"reason": held["reason"]} if "reason" in held else {}
    return {"by": held["by"], **reason, "at": held["at"] // 1000, "status": status}


def _read_hold(shown: Mapping[str, Any]) -> Holding:
    reason = {"reason": shown["reason"]} if "reason" in shown else {}
    return cast("Holding", {"by": shown["by"], "at": shown["at"] * 1000, **reason})


def _read_wait(state: RunState, until: int | None) -> OpenWait:
    """The question of a snapshot, which says neither when it was asked nor what its answers look like."""
    wait = {"version": state.version, "node_id": state.current_node_id, "asked_at": state.last_started_at or 0}
    if state.paused_reason is not None:
        wait["reason"] = state.paused_reason
    return cast("OpenWait", wait if until is None else {**wait, "until": until * 1000})
