"""Work orders read from their streams: their runs, their state and their input."""

from collections.abc import Mapping
from typing import Any

from ...domain.errors import EventNotReadable, InvalidRequest
from ...domain.ports import EventStore
from ...domain.run import STARTED
from ...domain.status import WorkOrderStatus, work_order_status
from ...domain.values.names import check_run_id
from ...domain.work_order import OPENED, WorkOrderState, evolve
from ...projections.runs.work_order import WorkOrder, work_order_of
from .missing import missing_run, missing_work_order
from .origins import first_event, origin_in, sources
from .runs import RunRepository


def find_work_order(store: EventStore, work_order_id: str) -> WorkOrderState | None:
    """The work order, or None where there is no such stream."""
    work_order = WorkOrderState(work_order_id)
    for event in store.read(work_order_id):
        if event.version == 1 and event.type != OPENED:
            return None
        try:
            evolve(work_order, event.type, event.data)
        except (KeyError, TypeError, AttributeError) as error:
            reason = f"its body is not that of a {event.type!r} of a work order ({error!r})"
            raise EventNotReadable(work_order_id, event.version, reason) from error
    return work_order if work_order.version else None


def load_work_order(store: EventStore, work_order_id: str) -> WorkOrderState:
    """The work order. Raises WorkOrderNotFound."""
    if not isinstance(work_order_id, str):
        raise InvalidRequest(f"a work order id is text, not {type(work_order_id).__name__}")
    work_order = find_work_order(store, work_order_id)
    if work_order is None:
        raise missing_work_order(store, work_order_id)
    return work_order


def find_work_order_and_run(store: EventStore, some_id: str) -> tuple[WorkOrderState, str | None]:
    """A run by its id, with its work order; or a work order by its id, with its last run, if it has one.

    Raises RunNotFound.
    """
    check_run_id(some_id)
    first = first_event(store, some_id)
    if first is not None and first.type == STARTED:
        return load_work_order(store, first.data.get("correlation_id", "")), some_id
    work_order = None if first is None else find_work_order(store, some_id)
    if work_order is None:
        raise missing_run(store, some_id)
    return work_order, work_order.last_run_id


def load_started(store: EventStore, run_id: str) -> Mapping[str, Any]:
    """The body of a run's first event. Raises RunNotFound."""
    first = first_event(store, run_id)
    if first is None or first.type != STARTED:
        raise missing_run(store, run_id)
    return first.data


def run_input(store: EventStore, run_id: str, first: Mapping[str, Any]) -> Any:
    """The work order's input as seen by the run with this first event.

    The payload of a run that reuses results is no input: the input is its source's. A fork from before the first step
    has an input of its own where one was given.
    """
    for source in sources(store, run_id, origin_in(run_id, first)):
        if source["version"] > 1 or "payload" not in first:
            first = load_started(store, source["run_id"])
    return first.get("payload")


def read_work_order(store: EventStore, runs: RunRepository, work_order_id: str) -> WorkOrder:
    """A work order as callers see it. Raises WorkOrderNotFound."""
    work_order = load_work_order(store, work_order_id)
    return work_order_of(work_order, derive_state(runs, work_order), work_order_input(store, work_order))


def derive_state(runs: RunRepository, work_order: WorkOrderState) -> WorkOrderStatus:
    """The state of a work order, derived from its last run."""
    if work_order.last_run_id is None:
        return "rejected"
    last = runs.header(work_order.last_run_id)
    return work_order_status(last.status, queued=last.queued and last.status == "active")


def work_order_input(store: EventStore, work_order: WorkOrderState) -> Any:
    """The input with which the work order was opened."""
    if work_order.runs:
        return run_input(store, work_order.runs[0], load_started(store, work_order.runs[0]))
    return None if work_order.rejected is None else work_order.rejected.get("payload")
