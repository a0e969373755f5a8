"""What would become of a run in a bulk action, told by how it stands: the preview counts it, and the work does it."""

from typing import Final, Literal, NamedTuple

from ..status import ENDED
from .events import BulkAct

Foreseen = Literal["unknown", "unended", "completed", "retried", "ended", "unreadable"]
"""Why nothing would be done with a run."""

REASONS: Final[dict[Foreseen, str]] = {
    "unknown": "there is no such run",
    "unended": "it hasn't ended: cancel it first, or let it end",
    "completed": "it has completed: there is nothing to retry",
    "retried": "another run of its work order is the last one",
    "ended": "it has ended already",
    "unreadable": "an event of it is damaged",
}

SKIPS: Final[frozenset[Foreseen]] = frozenset({"completed", "retried", "ended"})
"""Where nothing has to be done; all others are refused."""


class Standing(NamedTuple):
    """How a run stands."""

    run_id: str
    work_order_id: str
    workflow_id: str
    status: str
    """A RunStatus, or ``unreadable``."""
    last_run_id: str | None
    """Of its work order."""


def foresee(act: BulkAct, run: Standing | None) -> Foreseen | None:
    """Why nothing would be done with the run (None: there is none); None where it would be done.

    A retry takes what has failed or was cancelled, if that is the last run of its work order.
    """
    if run is None:
        return "unknown"
    if run.status == "unreadable":
        return "unreadable"
    if act == "cancel":
        return "ended" if run.status in ENDED else None
    if run.status not in ENDED:
        return "unended"
    if run.last_run_id != run.run_id:
        return "retried"
    return "completed" if run.status == "completed" else None
