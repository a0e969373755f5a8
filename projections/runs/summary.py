"""Runs, work orders and workflows as lists show them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...domain.status import ListedRunStatus, ListedWorkOrderStatus
from ...domain.values.clock import EARLIEST, LATEST, OddTime, moment
from ..columns import ASKED_FOR
from ..index.rows import RunRow, WorkflowRow, WorkOrderRow
from ..search.matches import Match


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as it stands, or stood at the time that was asked for."""

    id: str
    workflow_id: str
    workflow_version: int
    work_order_id: str
    status: ListedRunStatus
    """A Snapshot's status, ``cancelled``, or ``unreadable``: an event is damaged, and ``verify`` says which."""
    node_id: str | None
    """Where it stands, waits or failed; None when it is completed."""
    error_type: str | None
    """The type of the failure that it waits after or ended with."""
    by: str
    """Who started it."""
    started_at: datetime
    finished_at: datetime | None
    origin: str | None
    """``retry``, ``reproduction`` or ``fork`` of the run ``source``."""
    source: str | None
    next_due_at: datetime | None = None
    """When it goes on by itself: at its retry, or at the deadline of what it waits for. None while it is held."""
    waits: bool | None = None
    """Whether a question of its is open. None, as the next two, in a list as of a past time, which doesn't say it."""
    held: bool | None = None
    """Whether an operator holds it."""
    queued: bool | None = None
    """Whether it waits to be executed, and nobody has claimed it yet."""
    owner: str | None = None
    """The id of the worker that executes it, of ``ledger.workers()``. None in a list as of a past time, too."""
    last_event_at: datetime | None = None
    """When its last event was recorded. None in a list as of a past time, but of an active run."""
    columns: Mapping[str, Any] | None = field(default=None, metadata=ASKED_FOR)
    """The values that ``columns`` asked for, by name; None where none were."""
    matches: tuple[Match, ...] | None = field(default=None, metadata=ASKED_FOR)
    """What a search for a text found of it, a match a word; None where nothing was searched for, or not looked up."""


@dataclass(frozen=True, slots=True)
class WorkOrderSummary:
    """A work order as it stands."""

    id: str
    workflow_id: str
    state: ListedWorkOrderStatus
    """``pending``, ``running``, ``paused``, ``success``, ``failed``, ``cancelled``, ``rejected`` or ``unreadable``."""
    by: str
    opened_at: datetime
    runs: int
    """The number of runs, without reproductions and forks."""
    last_run_id: str | None
    reason: str | None
    """Why it was rejected."""
    finished_at: datetime | None = None
    """When its last run ended, or it was rejected."""
    last_event_at: datetime | None = None
    """When the last event of its last run was recorded."""


@dataclass(frozen=True, slots=True)
class WorkflowSummary:
    """A workflow as it stands."""

    id: str
    version: int
    """The version of its last event."""
    saves: int
    saved_version: int
    """The version of the last save, which the rest is about."""
    snapshot_id: str
    name: str | None
    by: str
    taken_at: datetime
    message: str | None
    archived: bool
    """Whether it is archived."""
    live_version: int | None = None
    """The version that runs start with; None: every save is a draft."""


def row_moment(at: int) -> datetime:
    """The time in a row, where the first and the last of all times stand for those that no calendar has."""
    return moment(at) if EARLIEST < at < LATEST else OddTime(at)


def run_summary(row: RunRow, node_id: str | None, last_event_at: datetime | None) -> RunSummary:
    # In the order of its fields: by their names it would take half as long again, and a page has many.
    return RunSummary(
        row.run_id,
        row.workflow_id,
        row.workflow_version,
        row.work_order_id,
        row.status,
        node_id,
        row.error_type,
        row.by,
        row_moment(row.started_at),
        None if row.finished_at is None else row_moment(row.finished_at),
        row.origin,
        row.source,
        None if row.due_at is None or row.held else row_moment(row.due_at),
        None if row.held is None else row.wait_version is not None,
        None if row.held is None else bool(row.held),
        None if row.held is None else bool(row.queued),
        row.owner,
        last_event_at,
    )


def work_order_summary(row: WorkOrderRow, last_event_at: datetime) -> WorkOrderSummary:
    return WorkOrderSummary(
        id=row.work_order_id,
        workflow_id=row.workflow_id,
        state=row.state,
        by=row.by,
        opened_at=row_moment(row.opened_at),
        runs=row.runs,
        last_run_id=row.last_run_id,
        reason=row.reason,
        finished_at=None if row.finished_at is None else row_moment(row.finished_at),
        last_event_at=last_event_at,
    )


def workflow_summary(row: WorkflowRow) -> WorkflowSummary:
    return WorkflowSummary(
        id=row.workflow_id,
        version=row.version,
        saves=row.saves,
        saved_version=row.saved_version,
        snapshot_id=row.snapshot_id,
        name=row.name,
        by=row.by,
        taken_at=row_moment(row.taken_at),
        message=row.message,
        archived=row.archived,
        live_version=row.live_version or None,
    )
