"""A work order as callers see it: its state is that of its last run, or ``rejected``."""

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


def work_order_of(work_order: WorkOrderState, state: WorkOrderStatus, input: Any) -> WorkOrder:
    """The work order as callers see it."""
    rejected = work_order.rejected or {}
    return WorkOrder(
        id=work_order.id,
        workflow_id=work_order.workflow_id,
        state=state,
        by=work_order.by,
        opened_at=moment(work_order.opened_at),
        runs=tuple(work_order.runs),
        reproductions=tuple(work_order.reproductions),
        forks=tuple(work_order.forks),
        input=input,
        reason=rejected.get("reason"),
        issues=issues_of(work_order),
        key=work_order.key,
    )


def issues_of(work_order: WorkOrderState) -> tuple[Fault, ...]:
    """What is wrong with the input of a rejected work order."""
    rejected = work_order.rejected or {}
    return tuple(Fault(issue["path"], issue["message"]) for issue in rejected.get("issues", ()))
