"""Queries for lists of runs and work orders."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from ...domain.status import RunStatus, WorkOrderStatus


class Place(NamedTuple):
    """A place in a list, newest first: what comes behind it is older."""

    time: int
    """Microseconds since 1970."""
    position: int


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Each condition that isn't None must hold. Times are microseconds since 1970 (UTC)."""

    workflow_id: str | None = None
    version: int | None = None
    status: tuple[RunStatus, ...] = ()
    """Any of these; none: whatever it is."""
    node: str | None = None
    """Where the run stands, waits or failed."""
    error_type: str | None = None
    by: str | None = None
    """Who started it."""
    since: int | None = None
    until: int | None = None
    """When it was started: from ``since`` on, and before ``until``."""
    due_before: int | None = None
    """They go on by themselves before this time."""
    held: bool | None = None
    queued: bool | None = None
    owner: str | None = None
    """The worker that executes them."""
    failure: int | None = None
    """The fingerprint of the failure by which they failed."""
    as_of: int | None = None
    """Runs as they stood at this time, those that began later left out."""
    before: Place | None = None


@dataclass(frozen=True, slots=True)
class WaitQuery:
    """The same of open waits."""

    workflow_id: str | None = None
    node: str | None = None
    """That asked."""
    due_before: int | None = None
    """Its deadline is before this time."""
    behind: Place | None = None
    """Here the oldest come first, so this is behind younger ones."""


@dataclass(frozen=True, slots=True)
class WorkOrderQuery:
    """The same of work orders."""

    workflow_id: str | None = None
    state: WorkOrderStatus | None = None
    by: str | None = None
    since: int | None = None
    until: int | None = None
    before: Place | None = None


class Condition(NamedTuple):
    """A condition in SQL, and its parameters by name."""

    sql: str
    parameters: dict[str, Any]
