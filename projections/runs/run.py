"""A run as callers see it, and its fold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...domain.ports import RowBatch
from ...domain.run import RunState, fold_batches
from ...domain.run.snapshot import Snapshot
from ...domain.run.waits import Hold, Wait, hold_of, wait_of
from ...domain.status import RunStatus
from ...domain.values.clock import moment


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """The run that another one repeats, continues or branches from; or the snapshot that was adopted."""

    kind: str
    """``retry``, ``reproduction``, ``fork`` or ``adoption``."""
    run_id: str | None
    """None where a snapshot from elsewhere was adopted."""
    version: int
    """The run began with the results that the source had after so many events; 0: with none. Of an adoption: the
    snapshot's version.
    """


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of one workflow version, as it stands."""

    id: str
    workflow_id: str
    workflow_version: int
    work_order_id: str
    status: RunStatus
    """A Snapshot's status, or ``cancelled`` (which a Snapshot shows as failed, with the reason)."""
    version: int
    """How many events were recorded."""
    snapshot: Snapshot
    started_at: datetime
    finished_at: datetime | None
    origin: RunOrigin | None = None
    waits: tuple[Wait, ...] = ()
    """The questions that are open, also while the run is held."""
    held: Hold | None = None
    """Who holds the run, if anybody does."""
    next_due_at: datetime | None = None
    """When it goes on by itself: at its retry, or at the deadline of what it waits for. None while it is held."""
    trigger: Mapping[str, Any] | None = None
    """What made somebody start it, where they said so: an object of some ``kind``."""
    created: bool = field(default=True, compare=False)
    """False where ``start``, ``retry``, ``reproduce`` or ``fork`` answered an idempotency key that was known."""


def run_of(state: RunState) -> Run:
    """The run as callers see it."""
    return Run(
        id=state.run_id or "",
        workflow_id=state.workflow_id,
        workflow_version=state.workflow_version,
        work_order_id=state.work_order_id or "",
        status=state.run_status,
        version=state.version,
        snapshot=state.snapshot(),
        started_at=moment(state.started_at),
        finished_at=None if state.finished_at is None else moment(state.finished_at),
        origin=_origin_of(state),
        waits=() if state.wait is None else (wait_of(state.wait, state.run_id, state.workflow_id),),
        held=None if state.held is None else hold_of(state.held),
        next_due_at=None if state.due_at is None else moment(state.due_at),
        trigger=state.trigger,
    )


def _origin_of(state: RunState) -> RunOrigin | None:
    if state.adopted is not None:
        return RunOrigin("adoption", None, state.adopted)
    return None if state.origin is None else RunOrigin(**state.origin)


def fold(state: RunState, batches: Iterable[RowBatch]) -> RunState:
    """The state after these events."""
    fold_batches(state, batches)
    return state
