"""Every type of event that flowledger records, in one registry: what the aggregates have in theirs."""

from typing import Final

from .bulk import BULK_EVENTS, DIRECTORY_EVENTS
from .events.registry import Body, Registry
from .retention import RETENTION_EVENTS
from .run import RUN_EVENTS, STEP_COMPLETED, STEP_FAILED
from .run.events import CLAIMED, RECOVERED
from .status import ENDED
from .subjects import SUBJECT_EVENTS
from .tokens import TOKEN_EVENTS
from .viewings import ACCESS_EVENTS
from .views import VIEW_EVENTS
from .work_order import WORK_ORDER_EVENTS
from .workflow import WORKFLOW_EVENTS

EVENTS: Final[Registry] = {
    **WORKFLOW_EVENTS,
    **WORK_ORDER_EVENTS,
    **RUN_EVENTS,
    **BULK_EVENTS,
    **DIRECTORY_EVENTS,
    **TOKEN_EVENTS,
    **VIEW_EVENTS,
    **SUBJECT_EVENTS,
    **RETENTION_EVENTS,
    **ACCESS_EVENTS,
}

_ACTS: Final = frozenset(name for name, entry in EVENTS.items() if entry.narrate is not None)


def is_act(type: str, data: Body) -> bool:
    """Whether somebody did that, as against what followed from it."""
    return type in _ACTS and "node_id" not in data  # with a node it is a step's outcome


def leaves_nothing_to_do(type: str, data: Body) -> bool:
    """Whether nothing can be claimed that couldn't before the event: with it a run was claimed, or has ended."""
    if type in (CLAIMED, RECOVERED):
        return True
    return type in (STEP_COMPLETED, STEP_FAILED) and "after" in data and data["after"]["status"] in ENDED
