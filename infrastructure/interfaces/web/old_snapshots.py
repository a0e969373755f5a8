"""An old snapshot of a workflow can be read and compared; nothing of it is run, neither by a page nor by the API."""

from ....domain.errors import IllegalTransition, WorkOrderNotFound
from ....domain.values.ids import keyed_work_order_id
from ....domain.workflow import WorkflowSnapshot
from ...concurrency.async_variants import run_in_thread
from ...ledger.ledger import Ledger

CANNOT_RUN = "Cannot run in snapshot mode, switch to latest."


def refuse_old_snapshot(workflow: WorkflowSnapshot) -> None:
    """Raises IllegalTransition for a save that is neither the latest nor the live one."""
    if not workflow.is_latest and not workflow.is_live:
        raise IllegalTransition(
            f"{CANNOT_RUN} Version {workflow.version} of {workflow.workflow_id!r} is neither the latest nor the live "
            "one: reproduce or fork a run of it, or release it first"
        )


def was_started(ledger: Ledger, workflow_id: str, key: str | None) -> bool:
    """Whether a start with this idempotency key is on record: sent again it is answered, whatever is live by now."""
    if not key:
        return False
    try:
        ledger.runs.work_order(keyed_work_order_id(workflow_id, key))
    except WorkOrderNotFound:
        return False
    return True


def check_version_to_start(ledger: Ledger, workflow_id: str, version: int | str | None, key: str | None) -> None:
    """Raises IllegalTransition for an old snapshot, WorkflowNotFound, VersionNotFound; None is the live version."""
    if version is not None and not was_started(ledger, workflow_id, key):
        refuse_old_snapshot(ledger.workflows.get(workflow_id, version))


acheck_version_to_start = run_in_thread(check_version_to_start)
