"""Reading a work order: its state is that of its last run, or that it was rejected."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...domain.errors import Fault
from ...domain.status import WorkOrderStatus
from ...domain.values.clock import moment
from ...domain.work_order import WorkOrderState


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """One request to process one input, as it stands."""

    id: str
    workflow_id: str
    state: WorkOrderStatus
    """``rejected``, ``pending``, ``running``, ``paused``, ``success``, ``failed`` or ``cancelled``: that of the last of
    ``runs``. A run that waits for a retry is running."""
    by: str
    """Who opened it."""
    opened_at: datetime
    runs: tuple[str, ...]
    """Ids of the first run and its retries, oldest first."""
    reproductions: tuple[str, ...]
    """Ids of runs that repeat one of them for debugging; they never change the state."""
    forks: tuple[str, ...]
    """Ids of runs that branch off from one of these; they never change the state."""
    input: Any
    reason: str | None
    """Why it was rejected."""
    issues: tuple[Fault, ...]
    """Each path inside the first node's data, and what is wrong there."""
    key: str | None
    """The idempotency key that it was opened with."""


def work_order_of(order: WorkOrderState, state: WorkOrderStatus, input: Any) -> WorkOrder:
    """What callers see of a work order."""
    rejected = order.rejected or {}
    return WorkOrder(
        id=order.id,
        workflow_id=order.workflow_id,
        state=state,
        by=order.by,
        opened_at=moment(order.opened_at),
        runs=tuple(order.runs),
        reproductions=tuple(order.reproductions),
        forks=tuple(order.forks),
        input=input,
        reason=rejected.get("reason"),
        issues=issues_of(order),
        key=order.key,
    )


def issues_of(order: WorkOrderState) -> tuple[Fault, ...]:
    """What is wrong with the input of a rejected work order."""
    rejected = order.rejected or {}
    return tuple(Fault(issue["path"], issue["message"]) for issue in rejected.get("issues", ()))
