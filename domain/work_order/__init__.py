"""The WorkOrder aggregate: one request to process one input, with its first run and its retries."""

from .decisions import add_run, open_work_order, reject
from .events import OPENED, REJECTED, RUN_ADDED, Issue, RunKind
from .registry import WORK_ORDER_EVENTS, evolve
from .state import KeyedRun, RunEntry, WorkOrderState

__all__ = [
    "OPENED",
    "REJECTED",
    "RUN_ADDED",
    "WORK_ORDER_EVENTS",
    "Issue",
    "KeyedRun",
    "RunEntry",
    "RunKind",
    "WorkOrderState",
    "add_run",
    "evolve",
    "open_work_order",
    "reject",
]
