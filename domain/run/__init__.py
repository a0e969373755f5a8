"""The Run aggregate: one execution of one workflow version. Its events, the state they fold into, its decisions."""

from .decisions import cancel, envelope, fail, go_on_as_fork, pause, proceed, resume, set_metadata, start
from .events import (
    BY_OPERATOR,
    CLAIMS,
    FAILED,
    METADATA_SET,
    MOVES,
    PAUSED,
    STARTED,
    STEP_COMPLETED,
    STEP_FAILED,
    Distribution,
    EditedResult,
    Origin,
    Recorded,
    replaced_by,
)
from .folding import evolve_pages, evolve_recorded, snapshots
from .header import RunHeader, headed, header_in, header_of, leads_on
from .state import FOLD_REVISION, RunState, evolve

__all__ = [
    "BY_OPERATOR",
    "CLAIMS",
    "FAILED",
    "FOLD_REVISION",
    "METADATA_SET",
    "MOVES",
    "PAUSED",
    "STARTED",
    "STEP_COMPLETED",
    "STEP_FAILED",
    "Distribution",
    "EditedResult",
    "Origin",
    "Recorded",
    "RunHeader",
    "RunState",
    "cancel",
    "envelope",
    "evolve",
    "evolve_pages",
    "evolve_recorded",
    "fail",
    "go_on_as_fork",
    "headed",
    "header_in",
    "header_of",
    "leads_on",
    "pause",
    "proceed",
    "replaced_by",
    "resume",
    "set_metadata",
    "snapshots",
    "start",
]
