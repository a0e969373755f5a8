"""The Run aggregate: one execution of one workflow version. Its events, the state they fold into, its decisions."""

from .decisions import cancel, envelope, fail, go_on_as_fork, pause, proceed, resume, set_metadata, start
from .events import (
    FAILED,
    METADATA_SET,
    PAUSED,
    STARTED,
    STEP_COMPLETED,
    STEP_FAILED,
    EditedResult,
    Origin,
    replaced_by,
)
from .fold import Passage, evolve_pages, evolve_recorded, passages, snapshots
from .header import RunHeader, headed, header_in, header_of, leads_on
from .registry import BY_OPERATOR, CLAIMS, FOLD_REVISION, RUN_EVENTS, evolve
from .state import RunState

__all__ = [
    "BY_OPERATOR",
    "CLAIMS",
    "FAILED",
    "FOLD_REVISION",
    "METADATA_SET",
    "PAUSED",
    "RUN_EVENTS",
    "STARTED",
    "STEP_COMPLETED",
    "STEP_FAILED",
    "EditedResult",
    "Origin",
    "Passage",
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
    "passages",
    "pause",
    "proceed",
    "replaced_by",
    "resume",
    "set_metadata",
    "snapshots",
    "start",
]
