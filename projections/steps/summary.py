"""Steps of all runs, and groups of failures, as lists show them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ...domain.values.clock import LATEST
from ..counts import Count
from ..pagination import Page
from ..runs.attempts import AttemptOutcome, milliseconds
from ..runs.summary import WorkOrderSummary, row_moment
from .rows import StepRow


@dataclass(frozen=True, slots=True)
class StepSummary:
    """One attempt at a node. Its input, output and logs are in the event at ``version`` of the run."""

    run_id: str
    version: int
    """Of the event that recorded it."""
    workflow_id: str
    workflow_version: int
    node_id: str
    attempt: int
    """1 for the first one, more for retries after failures."""
    status: AttemptOutcome
    """``completed``, ``failed`` or ``paused``: what came of the attempt; its run may stand elsewhere by now."""
    error_type: str | None
    message: str | None
    """What its error said, or what it waits for: the first 200 characters."""
    handle: str | None
    started_at: datetime
    finished_at: datetime
    execution_time: float
    """Milliseconds inside the executor."""
    retry_at: datetime | None
    """When a retry was due; None: no retry."""
    taken: bool
    """Whether its outcome was taken from the record, and not executed."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures that are alike: of one workflow, node and type of error, with one message but for what varies in it."""

    id: str
    """The same in every list, and in every store."""
    workflow_id: str
    node_id: str | None
    error_type: str | None
    """None where no step failed: the run came to its step limit, or no edge led on."""
    message: str
    """With ``…`` for numbers, ids and quoted values."""
    count: int
    """How many; without ``retried`` each of them is a run that has failed so."""
    last_seen: datetime
    """The last of these failures."""
    first_seen: datetime
    """When anything failed so for the first time, whatever the filters by time are."""
    first_version: int
    """The lowest version of the workflow on which anything failed so."""
    versions: tuple[Count, ...]
    """Versions of the workflow on which any failed, each with how many, ascending."""
    days: tuple[Count, ...]
    """Days (UTC, ``2026-11-25``) on which any failed, each with how many, ascending."""
    example: str
    """The id of the run that failed so last."""
    example_version: int
    """Of the event that says so."""
    retryable: int
    """How many of these runs can be retried: they have failed, and no later run does their work."""
    retried: int
    """How many were retried."""


def step_summary(row: StepRow) -> StepSummary:
    # In the order of its fields, as for runs.
    return StepSummary(
        row.run_id,
        row.version,
        row.workflow_id,
        row.workflow_version,
        row.node_id,
        row.attempt,
        row.status,
        row.error_type,
        row.message,
        row.handle,
        row_moment(row.started_at),
        row_moment(min(row.started_at + row.took, LATEST)),
        milliseconds(row.took),
        None if row.retry_at is None else row_moment(row.retry_at),
        bool(row.taken),
    )


_NONE: Final = Page[WorkOrderSummary]((), None)


@dataclass(frozen=True, slots=True)
class FailurePage(Page[FailureGroup]):
    """A page of groups of failures, with the work orders that failed before they had a run."""

    rejected: Page[WorkOrderSummary] = _NONE
    """Work orders whose input was refused, the newest first: on the first page alone. ``next`` leads to the others in
    ``history.work_orders`` with the state ``rejected``."""
