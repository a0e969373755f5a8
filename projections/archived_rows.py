"""The rows of runs and steps as Parquet archives have them, made of the events of a run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..domain.ports import RecordedEvent
from .index.rows import RunRow
from .runs.attempts import attempts
from .runs.summary import row_moment


@dataclass(frozen=True, slots=True)
class ArchivedRun:
    """A run that was to go."""

    id: str
    workflow_id: str
    workflow_version: int
    work_order_id: str
    status: str
    error_type: str | None
    by: str
    started_at: datetime
    finished_at: datetime | None
    origin: str | None
    source: str | None
    payload: Any
    """As it was recorded, so what was masked is."""
    events: int
    digest: str
    """Of its last event, which depends on all before it: by it anybody tells that it is the run that was removed."""


@dataclass(frozen=True, slots=True)
class ArchivedStep:
    """One execution of one of its nodes."""

    run_id: str
    version: int
    workflow_id: str
    workflow_version: int
    node_id: str
    attempt: int
    status: str
    error_type: str | None
    message: str | None
    handle: str | None
    by: str
    started_at: datetime
    finished_at: datetime
    execution_time: float
    waiting_time: float
    input: Any
    output: Any
    retry_at: datetime | None
    taken: bool
    digest: str
    """Of the event."""


def archived_run(row: RunRow, events: Sequence[RecordedEvent]) -> ArchivedRun:
    """The row of a run, of which all events are given."""
    return ArchivedRun(
        row.run_id,
        row.workflow_id,
        row.workflow_version,
        row.work_order_id,
        row.status,
        row.error_type,
        row.by,
        row_moment(row.started_at),
        None if row.finished_at is None else row_moment(row.finished_at),
        row.origin,
        row.source,
        events[0].data.get("payload"),
        len(events),
        events[-1].digest,
    )


def archived_steps(row: RunRow, events: Sequence[RecordedEvent]) -> Iterator[ArchivedStep]:
    """The rows of its steps."""
    for one in attempts(events):
        error = one.error or {}
        yield ArchivedStep(
            row.run_id,
            one.version,
            row.workflow_id,
            row.workflow_version,
            one.node_id,
            one.attempt,
            one.outcome,
            error.get("type"),
            error.get("message", one.reason),
            one.handle,
            one.by,
            one.started_at,
            one.finished_at,
            one.execution_time,
            one.waiting_time,
            one.input,
            one.output,
            one.retry_at,
            one.taken_from is not None,
            events[one.version - 1].digest,
        )
