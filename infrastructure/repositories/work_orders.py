"""Work orders read from their streams: which runs they have, and what they were given."""

from collections.abc import Mapping
from typing import Any

from ...domain.errors import EventNotReadable, InvalidRequest, RunNotFound, WorkOrderNotFound
from ...domain.ports import EventStore
from ...domain.run import STARTED
from ...domain.values.names import check_run_id
from ...domain.work_order import OPENED, WorkOrderState, evolve, shown_state
from ...projections.runs.work_order import WorkOrder, work_order_of
from .origins import first_event, origin_in, sources
from .runs import RunStates


def find_order(store: EventStore, work_order_id: str) -> WorkOrderState | None:
    """The work order, or None where there is no such stream."""
    order = WorkOrderState(work_order_id)
    for event in store.read(work_order_id):
        if event.version == 1 and event.type != OPENED:
            return None
        try:
            evolve(order, event.type, event.data)
        except (KeyError, TypeError, AttributeError) as error:
            reason = f"its body is not that of a {event.type!r} of a work order ({error!r})"
            raise EventNotReadable(work_order_id, event.version, reason) from error
    return order if order.version else None


def load_order(store: EventStore, work_order_id: str) -> WorkOrderState:
    """The work order. Raises WorkOrderNotFound."""
    if not isinstance(work_order_id, str):
        raise InvalidRequest(f"a work order id is text, not {type(work_order_id).__name__}")
    order = find_order(store, work_order_id)
    if order is None:
        raise WorkOrderNotFound(work_order_id)
    return order


def order_and_run(store: EventStore, some_id: str) -> tuple[WorkOrderState, str | None]:
    """A run by its id, with its work order; or a work order by its id, with its last run, if it has one.

    Raises RunNotFound.
    """
    check_run_id(some_id)
    first = first_event(store, some_id)
    if first is not None and first.type == STARTED:
        return load_order(store, first.data.get("correlation_id", "")), some_id
    order = None if first is None else find_order(store, some_id)
    if order is None:
        raise RunNotFound(some_id)
    return order, order.last_run_id


def started(store: EventStore, run_id: str) -> Mapping[str, Any]:
    """The body of a run's first event. Raises RunNotFound."""
    first = first_event(store, run_id)
    if first is None or first.type != STARTED:
        raise RunNotFound(run_id)
    return first.data


def input_of(store: EventStore, run_id: str, first: Mapping[str, Any]) -> Any:
    """The work order's input as the run with this first event saw it.

    What a run was given that reuses results is no input: that is its source's. A fork from before the first step has
    an input of its own where it was given one.
    """
    for source in sources(store, run_id, origin_in(run_id, first)):
        if source["version"] > 1 or "payload" not in first:
            first = started(store, source["run_id"])
    return first.get("payload")


def read_order(store: EventStore, states: RunStates, work_order_id: str) -> WorkOrder:
    """What callers see of a work order. Raises WorkOrderNotFound."""
    order = load_order(store, work_order_id)
    return work_order_of(order, state_of(states, order), order_input(store, order))


def state_of(states: RunStates, order: WorkOrderState) -> str:
    """In one word, by the last run."""
    if order.last_run_id is None:
        return "rejected"
    last = states.header(order.last_run_id)
    return shown_state(last.status, queued=last.queued)


def order_input(store: EventStore, order: WorkOrderState) -> Any:
    """What the work order was opened with."""
    if order.runs:
        return input_of(store, order.runs[0], started(store, order.runs[0]))
    return None if order.rejected is None else order.rejected.get("payload")
