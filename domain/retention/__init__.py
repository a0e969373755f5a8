"""What may go from a store, what must stay, and what is left of what went."""

from .events import (
    REMOVED,
    RETENTION_EVENTS,
    RemovedPart,
    RetentionRecord,
    evolve_legal_holds,
    legal_hold_lifted,
    legal_hold_placed,
    packed_leaves,
    removal_in,
    removed,
)
from .holds import LEGAL_HOLDS, HoldTarget, LegalHold, LegalHolds
from .leaves import StreamPart, pack_leaves, unpack_leaves
from .policy import Decision, KeptReason, OrderToKeep, RetentionPolicy
from .workflows import WorkflowKeptReason, WorkflowToKeep, why_workflow_kept

__all__ = [
    "LEGAL_HOLDS",
    "REMOVED",
    "RETENTION_EVENTS",
    "Decision",
    "HoldTarget",
    "KeptReason",
    "LegalHold",
    "LegalHolds",
    "OrderToKeep",
    "RemovedPart",
    "RetentionPolicy",
    "RetentionRecord",
    "StreamPart",
    "WorkflowKeptReason",
    "WorkflowToKeep",
    "evolve_legal_holds",
    "legal_hold_lifted",
    "legal_hold_placed",
    "pack_leaves",
    "packed_leaves",
    "removal_in",
    "removed",
    "unpack_leaves",
    "why_workflow_kept",
]
