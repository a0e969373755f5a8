"""What would become of a run in a bulk action, told by how it stands: the preview counts it, and the work does it."""

from typing import Final, Literal, NamedTuple

from ..status import ENDED
from .events import BulkAct

Foreseen = Literal["unknown", "unended", "completed", "retried", "ended", "unreadable", "never ran", "no node"]
"""Why nothing would be done with a run, or with a work order that was rejected and has none."""

REASONS: Final[dict[Foreseen, str]] = {
    "unknown": "there is no such run",
    "unended": "it hasn't ended: cancel it first, or let it end",
    "completed": "it has completed: there is nothing to retry",
    "retried": "another run of its work order is the last one",
    "ended": "it has ended already",
    "unreadable": "an event of it is damaged",
    "never ran": "the work order was rejected and has no run: there is nothing to cancel",
    "no node": "the work order was rejected and has no run: retry it from the start",
}

SKIPS: Final[frozenset[Foreseen]] = frozenset({"completed", "retried", "ended", "never ran"})
"""Where nothing has to be done; all others are refused."""


class Standing(NamedTuple):
    """How a run stands, or a work order that was rejected and has none."""

    run_id: str
    """Of such a work order its own id."""
    work_order_id: str
    workflow_id: str
    status: str
    """A RunStatus, ``unreadable`` or ``rejected``."""
    last_run_id: str | None
    """Of its work order."""


def foresee(act: BulkAct, run: Standing | None, from_node: str | None = None) -> Foreseen | None:
    """Why nothing would be done with the run (None: there is none); None where it would be done.

    A retry takes what has failed or was cancelled, if that is the last run of its work order; and work orders that were
    rejected, unless their input is refused again, which is for the caller to find out.
    """
    if run is None:
        return "unknown"
    if run.status == "unreadable":
        return "unreadable"
    if run.status == "rejected":
        return _foresee_of_rejected(act, run, from_node)
    if act == "cancel":
        return "ended" if run.status in ENDED else None
    if run.status not in ENDED:
        return "unended"
    if run.last_run_id != run.run_id:
        return "retried"
    return "completed" if run.status == "completed" else None


def _foresee_of_rejected(act: BulkAct, order: Standing, from_node: str | None) -> Foreseen | None:
    if order.last_run_id is not None:  # it was retried since it was named
        return "retried"
    if act == "cancel":
        return "never ran"
    return None if from_node is None else "no node"
