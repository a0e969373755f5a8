"""The bulk action: many runs to be retried or cancelled, as something that is stored, watched and stopped."""

from .decisions import hand_back, progress, request, stop, take
from .directory import DIRECTORY, DIRECTORY_EVENTS, BulkDirectory, closed, entered, evolve_directory
from .events import REQUESTED, BulkAct, ItemResult, Target
from .foreseen import REASONS, SKIPS, Foreseen, Standing, foresee
from .registry import BULK_EVENTS, evolve
from .state import BulkState, BulkStatus

__all__ = [
    "BULK_EVENTS",
    "DIRECTORY",
    "DIRECTORY_EVENTS",
    "REASONS",
    "REQUESTED",
    "SKIPS",
    "BulkAct",
    "BulkDirectory",
    "BulkState",
    "BulkStatus",
    "Foreseen",
    "ItemResult",
    "Standing",
    "Target",
    "closed",
    "entered",
    "evolve",
    "evolve_directory",
    "foresee",
    "hand_back",
    "progress",
    "request",
    "stop",
    "take",
]
