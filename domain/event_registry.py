"""Every type of event that flowledger records, in one registry: what the aggregates have in theirs."""

from typing import Final

from .bulk import BULK_EVENTS, DIRECTORY_EVENTS
from .events.registry import Registry
from .run import RUN_EVENTS
from .work_order import WORK_ORDER_EVENTS
from .workflow import WORKFLOW_EVENTS

EVENTS: Final[Registry] = {
    **WORKFLOW_EVENTS,
    **WORK_ORDER_EVENTS,
    **RUN_EVENTS,
    **BULK_EVENTS,
    **DIRECTORY_EVENTS,
}
