"""Why an act wasn't done, for the page that then shows things as they stand now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ......domain.errors import (
    AlreadyRetried,
    Fault,
    FlowledgerError,
    IdempotencyConflict,
    InvalidAnswer,
    LaterEvent,
    RunHeld,
    RunMovedOn,
    UnderLegalHold,
    WorkOrderRejected,
)
from ......domain.workflow import StaleVersion, WorkflowVersion


@dataclass(frozen=True, slots=True)
class RefusedAct:
    """Why nothing was done."""

    words: str
    """A sentence, or two."""
    events: Sequence[LaterEvent] = ()
    """What happened to the run since it was looked at."""
    saves: Sequence[WorkflowVersion] = ()
    """The same of a workflow."""
    run_id: str | None = None
    """A run to look at before it is tried again."""
    faults: Sequence[Fault] = ()
    """What is wrong with what was sent."""
    kept: str | None = None
    """The id of what is on record all the same."""


def refused_act(error: FlowledgerError, of: str) -> RefusedAct:
    """The refusal that an error is; ``of``: what the act is done to, in words."""
    match error:
        case RunMovedOn():
            moved = f"{of} has moved on since you looked at it, from version {error.expected} to {error.actual}."
            return RefusedAct(moved, events=error.events)
        case StaleVersion():
            moved = f"{of} has changed since you looked at it: it is at version {error.actual} now."
            return RefusedAct(moved, saves=error.changes)
        case AlreadyRetried():
            done = "The work of this order is done" if error.status == "completed" else "It was retried already"
            return RefusedAct(f"{done}, by {error.by}.", run_id=error.last_run_id)
        case IdempotencyConflict():
            return RefusedAct(
                f"This form was sent before, by {error.used_by}, and asked for something else then; that was done. "
                "Look at it once more, and send it again where you mean this, too."
            )
        case RunHeld():
            why = "" if error.reason is None else f": {error.reason}"
            return RefusedAct(f"{error.by} holds the run{why}.", run_id=error.run_id)
        case UnderLegalHold():
            held = "it" if error.kind == "subject" else f"its run {error.held}"
            return RefusedAct(
                f"{error.by} has placed a legal hold on {held}: {error.reason}. It has to be lifted first."
            )
        case WorkOrderRejected():
            said = "The first node doesn't take this input; the refusal is on record."
            return RefusedAct(said, faults=error.issues, kept=error.work_order_id)
        case InvalidAnswer():
            return RefusedAct("It doesn't fit what the run asks.", faults=error.issues)
        case _:
            return RefusedAct(sentence(str(error)))


def sentence(text: str) -> str:
    """An error's message as a page says it."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")
