"""The WorkOrder aggregate: one request to process one input, with its first run and its retries."""

from .catalogue import event_type
from .ports import NewEvent
from .run import Recorded


class WorkOrderOpened(Recorded):
    workflow_id: str
    run_id: str
    """The first run, which holds the input."""


OPENED = event_type("work_order.opened", WorkOrderOpened)


def open_work_order(work_order_id: str, *, workflow_id: str, run_id: str, by: str, now: int) -> NewEvent:
    """The first event of a work order."""
    return NewEvent(
        OPENED,
        {"recorded_at": now, "by": by, "correlation_id": work_order_id, "workflow_id": workflow_id, "run_id": run_id},
    )
