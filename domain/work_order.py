"""The WorkOrder aggregate: one request to process one input, with its first run and its retries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from .errors import Fault
from .events.catalogue import event_type
from .events.envelope import Recorded
from .ports import NewEvent
from .values.clock import behind

# --- events -----------------------------------------------------------------------------------------------------------

RunKind = Literal["retry", "reproduction", "fork"]


class WorkOrderOpened(Recorded):
    workflow_id: str
    run_id: NotRequired[str]
    """The first run, which holds the input; absent when the input was refused: ``work_order.rejected`` follows."""
    key: NotRequired[str]
    """The caller's idempotency key."""
    payload_digest: NotRequired[str]
    """With a key: SHA-256 (hex) of the payload as canonical JSON."""


class Issue(TypedDict):
    """One thing that is wrong with an input: where in the node's data, and what."""

    path: str
    message: str


class WorkOrderRejected(Recorded):
    """The first node's input schema refused the input; values from globals are masked."""

    workflow_id: str
    workflow_version: int
    reason: str
    issues: NotRequired[list[Issue]]
    metadata: NotRequired[dict[str, Any]]
    payload: NotRequired[Any]


class WorkOrderRunAdded(Recorded):
    run_id: str
    kind: RunKind


OPENED = event_type("work_order.opened", WorkOrderOpened)
REJECTED = event_type("work_order.rejected", WorkOrderRejected)
RUN_ADDED = event_type("work_order.run_added", WorkOrderRunAdded)

# --- state ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class WorkOrderState:
    """The fold of a work order's events; ``evolve`` changes it in place."""

    id: str
    workflow_id: str = ""
    by: str = ""
    opened_at: int = 0
    runs: list[str] = field(default_factory=list[str])
    """The first run and its retries, oldest first: the last one tells the state."""
    reproductions: list[str] = field(default_factory=list[str])
    forks: list[str] = field(default_factory=list[str])
    rejected: Mapping[str, Any] | None = None
    """The body of the last rejection, for as long as there is no run."""
    key: str | None = None
    payload_digest: str | None = None
    recorded_at: int = 0
    version: int = 0

    @property
    def last_run_id(self) -> str | None:
        """The run that tells the state."""
        return self.runs[-1] if self.runs else None


def evolve(order: WorkOrderState, type: str, data: Mapping[str, Any]) -> None:
    """Fold one event into the state."""
    if type == OPENED:
        order.workflow_id, order.by, order.opened_at = data["workflow_id"], data["by"], data["recorded_at"]
        order.key, order.payload_digest = data.get("key"), data.get("payload_digest")
        order.runs += [data["run_id"]] if "run_id" in data else []
    elif type == REJECTED:
        order.rejected = data
    elif data["kind"] == "retry":
        order.runs.append(data["run_id"])
        order.rejected = None
    elif data["kind"] == "reproduction":
        order.reproductions.append(data["run_id"])
    else:
        order.forks.append(data["run_id"])
    order.recorded_at = data["recorded_at"]
    order.version += 1


def shown_state(status: str, *, queued: bool) -> str:
    """A work order's state, told by the status of its last run (a Snapshot's, or ``cancelled``)."""
    return "pending" if queued and status == "active" else _BY_STATUS[status]


_BY_STATUS = {
    "active": "running",
    "error": "running",
    "paused": "paused",
    "completed": "success",
    "failed": "failed",
    "cancelled": "cancelled",
}

# --- decisions --------------------------------------------------------------------------------------------------------


def open_work_order(
    work_order_id: str, *, workflow_id: str, by: str, now: int,
    run_id: str | None = None, key: str | None = None, payload_digest: str | None = None,
) -> NewEvent:  # fmt: skip
    """The first event of a work order."""
    optional = {"run_id": run_id, "key": key, "payload_digest": payload_digest}
    data = {"recorded_at": now, "by": by, "correlation_id": work_order_id, "workflow_id": workflow_id}
    return NewEvent(OPENED, data | {name: value for name, value in optional.items() if value is not None})


def reject(
    order: WorkOrderState, version: int, reason: str, issues: Iterable[Fault], *,
    payload: Any, metadata: Mapping[str, Any], by: str, now: int,
) -> NewEvent:  # fmt: skip
    """Keep an input that the first node of the workflow's version refuses."""
    data = _envelope(order, by, now) | {
        "workflow_id": order.workflow_id,
        "workflow_version": version,
        "reason": reason,
        "issues": [{"path": issue.path, "message": issue.message} for issue in issues],
    }
    if metadata:
        data["metadata"] = metadata
    if payload is not None:
        data["payload"] = payload
    return NewEvent(REJECTED, data)


def add_run(order: WorkOrderState, run_id: str, kind: RunKind, *, by: str, now: int) -> NewEvent:
    """Enter a run that repeats or branches from one of the work order's."""
    return NewEvent(RUN_ADDED, _envelope(order, by, now) | {"run_id": run_id, "kind": kind})


def _envelope(order: WorkOrderState, by: str, now: int) -> dict[str, Any]:
    return {"recorded_at": behind(order.recorded_at, now), "by": by, "correlation_id": order.id}
