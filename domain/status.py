"""The words for where snapshots, runs and work orders stand."""

from typing import Final, Literal, get_args

SnapshotStatus = Literal["active", "paused", "error", "completed", "failed"]
"""As the source documents have it; ``error`` waits for an automatic retry."""

RunStatus = Literal["active", "paused", "error", "completed", "failed", "cancelled"]
"""A Snapshot's; ``cancelled`` reads ``failed`` there, with the reason."""

ListedRunStatus = RunStatus | Literal["unreadable"]
"""As lists show it; ``unreadable``: an event of the run is damaged."""

WorkOrderStatus = Literal["pending", "running", "paused", "success", "failed", "cancelled", "rejected"]
"""That of its last run, ``pending`` before a worker claims it; ``rejected`` where the input was refused."""

ListedWorkOrderStatus = WorkOrderStatus | Literal["unreadable"]

SNAPSHOT_STATUSES: Final[tuple[SnapshotStatus, ...]] = get_args(SnapshotStatus)
RUN_STATUSES: Final[tuple[RunStatus, ...]] = get_args(RunStatus)
WORK_ORDER_STATUSES: Final[tuple[WorkOrderStatus, ...]] = get_args(WorkOrderStatus)

UNREADABLE: Final = "unreadable"

TERMINAL: Final[frozenset[SnapshotStatus]] = frozenset({"completed", "failed"})
"""No step follows."""

ENDED: Final[frozenset[RunStatus]] = frozenset({*TERMINAL, "cancelled"})
"""The same of a run's status."""


def work_order_status(run_status: RunStatus, *, queued: bool = False) -> WorkOrderStatus:
    """The status of a work order whose last run stands so. Raises KeyError for what is no status of a run."""
    return "pending" if queued else _OF_LAST_RUN[run_status]


_OF_LAST_RUN: Final[dict[RunStatus, WorkOrderStatus]] = {
    "active": "running",
    "error": "running",
    "paused": "paused",
    "completed": "success",
    "failed": "failed",
    "cancelled": "cancelled",
}
