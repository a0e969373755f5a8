"""Decisions on a work order: from its state to the next event."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import Fault
from ..ports import NewEvent
from ..values.clock import next_time
from .events import OPENED, REJECTED, RUN_ADDED, RunKind
from .state import WorkOrderState


def open_work_order(
    work_order_id: str,
    *,
    workflow_id: str,
    by: str,
    now: int,
    run_id: str | None = None,
    key: str | None = None,
    payload_digest: str | None = None,
    sealed_by: Sequence[str] = (),
) -> NewEvent:
    """The first event of a work order."""
    optional = {
        "run_id": run_id,
        "key": key,
        "payload_digest": payload_digest,
        "sealed_by": list(sealed_by) or None,
    }
    data = {"recorded_at": now, "by": by, "correlation_id": work_order_id, "workflow_id": workflow_id}
    return NewEvent(OPENED, data | {name: value for name, value in optional.items() if value is not None})


def reject(
    work_order: WorkOrderState,
    version: int,
    reason: str,
    issues: Iterable[Fault],
    *,
    payload: Any,
    metadata: Mapping[str, Any],
    by: str,
    now: int,
) -> NewEvent:
    """Keep an input that the first node of the workflow's version refuses."""
    data = _envelope(work_order, by, now) | {
        "workflow_id": work_order.workflow_id,
        "workflow_version": version,
        "reason": reason,
        "issues": [{"path": issue.path, "message": issue.message} for issue in issues],
    }
    if metadata:
        data["metadata"] = metadata
    if payload is not None:
        data["payload"] = payload
    return NewEvent(REJECTED, data)


def add_run(work_order: WorkOrderState, run_id: str, kind: RunKind, *, by: str, now: int) -> NewEvent:
    """Enter a run that repeats or branches from one of the work order's."""
    return NewEvent(RUN_ADDED, _envelope(work_order, by, now) | {"run_id": run_id, "kind": kind})


def _envelope(work_order: WorkOrderState, by: str, now: int) -> dict[str, Any]:
    return {"recorded_at": next_time(work_order.recorded_at, now), "by": by, "correlation_id": work_order.id}
