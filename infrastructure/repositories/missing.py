"""What is said of a run that isn't there: that it never was, or that it was removed."""

from ...domain.errors import (
    RunNotFound,
    RunRemoved,
    WorkflowNotFound,
    WorkflowRemoved,
    WorkOrderNotFound,
    WorkOrderRemoved,
)
from ...domain.ports import EventStore
from ...domain.retention import removal_in
from ...domain.values.ids import workflow_stream


def missing_run(store: EventStore, run_id: str) -> RunNotFound:
    """The error for a run that isn't in the store."""
    record = store.removal_of(run_id)
    return RunNotFound(run_id) if record is None else RunRemoved(run_id, removal_in(record.data))


def missing_work_order(store: EventStore, work_order_id: str) -> WorkOrderNotFound:
    """The same of a work order."""
    record = store.removal_of(work_order_id)
    return (
        WorkOrderNotFound(work_order_id) if record is None else WorkOrderRemoved(work_order_id, removal_in(record.data))
    )


def missing_workflow(store: EventStore, workflow_id: str) -> WorkflowNotFound:
    """The same of a workflow."""
    record = store.removal_of(workflow_stream(workflow_id))
    return WorkflowNotFound(workflow_id) if record is None else WorkflowRemoved(workflow_id, removal_in(record.data))
