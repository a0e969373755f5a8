"""The Run aggregate: one execution of one workflow version. Its events, the state they fold into, its decisions."""

from .decisions import cancel, continue_fork, envelope, fail, pause, proceed, resume, set_metadata, start
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
from .fold import FoldSegment, evolve_recorded, fold_batches, segments, snapshots
from .header import RunHeader, advance, after_of, header_of, is_plain_step, read_header, with_header
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
    "FoldSegment",
    "Origin",
    "RunHeader",
    "RunState",
    "advance",
    "after_of",
    "cancel",
    "continue_fork",
    "envelope",
    "evolve",
    "evolve_recorded",
    "fail",
    "fold_batches",
    "header_of",
    "is_plain_step",
    "pause",
    "proceed",
    "read_header",
    "replaced_by",
    "resume",
    "segments",
    "set_metadata",
    "snapshots",
    "start",
    "with_header",
]
