"""What a page says of a run's failure: where, what, and how many others failed alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .....domain.ports import RecordedEvent
from .....domain.run.results import error_text
from .....projections.runs.run import Run
from .....projections.steps.messages import general_message

if TYPE_CHECKING:
    from .....projections.steps.summary import FailureGroup
    from ....ledger.ledger import Ledger
    from ..read_runs import ReadRun


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run has failed."""

    node_id: str | None
    """Where; None: at no step."""
    error: str
    """Type and message, or the reason."""
    version: int
    """Of the event that says so."""
    alike: FailureGroup | None
    """All that failed so."""


def failure_of(ledger: Ledger, run: Run, read: ReadRun) -> Failure | None:
    """The failure of a run that has failed, or waits for a retry; None for any other."""
    if run.status not in ("failed", "error") or read.failed_at is None:
        return None
    event = read.walk.event(read.failed_at)
    error = event.data.get("error")
    if error is None:
        return Failure(None, event.data["reason"], event.version, None)
    group = _alike(ledger, run, event) if run.status == "failed" else None
    return Failure(event.data["node_id"], error_text(error), event.version, group)


def _alike(ledger: Ledger, run: Run, event: RecordedEvent) -> FailureGroup | None:
    found = ledger.history.failures(
        workflow_id=run.workflow_id, node=event.data["node_id"], error_type=event.data["error"]["type"], limit=20
    )
    message = general_message(event.data["error"]["message"])
    return next((group for group in found if group.message == message), None)
