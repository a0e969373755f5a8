"""Failed steps are also told to the application's logging, so that error trackers see them."""

import logging
from collections.abc import Mapping
from typing import Any

from ..masking import Masker
from ..run import RunState
from ..workflow.definition import Node
from .recordable import stand_in

RUNS = logging.getLogger("flowledger.runs")
RUNS.addHandler(logging.NullHandler())  # who has set up no logging isn't told: the failure is on record

_SEALED = "(sealed, as the run belongs to a subject: the run itself has the message)"

_MAX_SHOWN = 1000
"""Characters of an error's message within the log message; ``exc_info`` has all of it."""


def report_failure(
    state: RunState, node: Node, event: Mapping[str, Any], error: BaseException | None, masker: Masker
) -> None:
    """Log a failed attempt that has been recorded: as an error where it is final, as a warning where a retry is due.

    ``event`` is the body of its event, whose texts are masked. ``error`` itself goes along where there are no secrets
    that it, or the variables in its traceback, could give away; else one that is called the same.
    """
    level = logging.WARNING if "retry_at" in event else logging.ERROR
    if not RUNS.isEnabledFor(level):
        return
    kind, message = event["error"]["type"], event["error"]["message"]
    if state.sealed_by:
        message = _SEALED
    attempt = event.get("attempt", 1)
    shown = message if len(message) <= _MAX_SHOWN else f"{message[:_MAX_SHOWN]}…"
    run = "a run without a store" if state.run_id is None else f"run {state.run_id}"
    if error is None or masker.has_secrets or state.sealed_by:
        exc_info = stand_in(kind if error is None else type(error), message)
    else:
        exc_info = type(error), error, error.__traceback__
    record = RUNS.makeRecord(
        RUNS.name,
        level,
        __file__,
        0,
        "%s: node %r failed at attempt %d: %s: %s",
        (run, node.id, attempt, kind, shown),
        exc_info,
        extra={
            "run_id": state.run_id,
            "workflow_id": state.workflow_id,
            "workflow_version": state.workflow_version,
            "node": node.id,
            "node_type": node.type,
            "attempt": attempt,
            "error_type": kind,
        },
    )
    traceback = None if state.sealed_by else event["error"].get("traceback")
    record.exc_text = traceback or f"{kind}: {message}"
    RUNS.handle(record)
