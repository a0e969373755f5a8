"""What a bulk action does with one run: each is done once, however often this is called."""

import hashlib
from functools import partial

from ....domain.bulk import REASONS, SKIPS, BulkState, Foreseen, ItemResult, Standing, Target, foresee
from ....domain.errors import FlowledgerError, IllegalTransition, StorageError
from ....domain.ports import NewEvent
from ....domain.rerun.bulk import BulkItem
from ....domain.run import RunState, cancel
from ....domain.status import ENDED
from ....domain.values.ids import uuid7
from ...repositories.work_orders import load_work_order
from ..runs.bulk import retry_once, why_rejected_again
from ..runs.commands import make_command
from ..runs.rerun import RerunOptions
from ..runs.run_services import RunServices


def do_item(services: RunServices, action: BulkState, target: Target) -> ItemResult:
    """Retry or cancel one run. What is wrong with it is its result; an error of the store is raised."""
    run_id = target["run_id"]
    if "work_order_id" not in target:
        return {"run_id": run_id, "outcome": "refused", "reason": REASONS["unknown"]}
    try:
        if run_id == target["work_order_id"]:
            return _do_rejected(services, action, run_id)
        if action.act == "cancel":
            return _cancel(services, action, run_id)
        return _retry(services, action, run_id, target["work_order_id"])
    except StorageError:
        raise
    except FlowledgerError as error:
        return {"run_id": run_id, "outcome": "refused", "reason": str(error)}


def retry_id(action: BulkState, work_order_id: str) -> str:
    """The id of the run that it adds to a work order: the same whoever works on it, and however often."""
    noise = hashlib.sha256(f"{action.id}\0{work_order_id}".encode()).digest()[:10]
    return uuid7(action.requested_at, noise)


def _retry(services: RunServices, action: BulkState, run_id: str, work_order_id: str) -> ItemResult:
    work_order = load_work_order(services.store, work_order_id)
    new_run_id = retry_id(action, work_order_id)
    if new_run_id in work_order.entries:  # it came as far as this before
        return {"run_id": run_id, "outcome": "retried", "new_run_id": new_run_id}
    status = services.runs.header(run_id).status
    why_not = foresee("retry", Standing(run_id, work_order_id, "", status, work_order.last_run_id))
    if why_not is not None:
        return _not_done(run_id, why_not)
    return _start_retry(services, action, run_id, work_order_id)


def _do_rejected(services: RunServices, action: BulkState, work_order_id: str) -> ItemResult:
    """A work order that was rejected and had no run: a retry gives it its first one."""
    work_order = load_work_order(services.store, work_order_id)
    new_run_id = retry_id(action, work_order_id)
    if new_run_id in work_order.entries:
        return {"run_id": work_order_id, "outcome": "retried", "new_run_id": new_run_id}
    standing = Standing(work_order_id, work_order_id, "", "rejected", work_order.last_run_id)
    why_not = foresee(action.act, standing, action.from_node)
    if why_not is not None:
        return _not_done(work_order_id, why_not)
    again = why_rejected_again(services, work_order)  # so that it isn't rejected once more by each who goes on with it
    if again is not None:
        return {"run_id": work_order_id, "outcome": "refused", "reason": again}
    return _start_retry(services, action, work_order_id, work_order_id)


def _not_done(run_id: str, why: Foreseen) -> ItemResult:
    return {"run_id": run_id, "outcome": "skipped" if why in SKIPS else "refused", "reason": REASONS[why]}


def _start_retry(services: RunServices, action: BulkState, run_id: str, work_order_id: str) -> ItemResult:
    options = RerunOptions(services.settings(action.by, None, None), {}, wait=False, reason=action.reason)
    done = retry_once(services, run_id, work_order_id, partial(retry_id, action), action.from_node, options)
    return _result_of(done, retry_id(action, work_order_id))


def _result_of(done: BulkItem, new_run_id: str) -> ItemResult:
    if done.new_run_id == new_run_id:  # also where another process was faster with it
        return {"run_id": done.run_id, "outcome": "retried", "new_run_id": new_run_id}
    result: ItemResult = {"run_id": done.run_id, "outcome": done.outcome}
    if done.reason is not None:
        result["reason"] = done.reason
    return result


def _cancel(services: RunServices, action: BulkState, run_id: str) -> ItemResult:
    command = make_command("cancel", None, f"bulk {action.id}", reason=action.reason)

    def decide(state: RunState) -> NewEvent:
        return cancel(state, action.reason, action.by, services.now())

    try:
        services.command(run_id, action.by, decide, command)
    except IllegalTransition:
        if services.runs.header(run_id).status not in ENDED:
            raise
        return {"run_id": run_id, "outcome": "skipped", "reason": REASONS["ended"]}
    return {"run_id": run_id, "outcome": "cancelled"}
