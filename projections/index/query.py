"""Queries for lists of runs and work orders."""

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from ...domain.status import RunStatus, WorkOrderStatus

SortKey = Literal["started", "ended", "activity", "duration"]
SORT_KEYS: Final[tuple[SortKey, ...]] = ("started", "ended", "activity", "duration")


Sort = Literal["-started", "started", "-ended", "ended", "-activity", "activity", "-duration", "duration"]
"""The same as callers say it: with ``-`` in front the latest or longest first."""


class Order(NamedTuple):
    """How a list is sorted. What hasn't ended counts as ended later, and as longer, than all that has; what is executed
    now as active later than all that isn't. Among those the later start decides."""

    by: SortKey = "started"
    descending: bool = True


NEWEST_FIRST: Final = Order()

UNENDED: Final = 2**60
"""Is added to the start of what hasn't ended: a place behind all that has, in the order of its start."""


class Place(NamedTuple):
    """A place in a list: what comes behind it is older, or what its order says."""

    time: int
    """Microseconds since 1970, or of a duration."""
    position: int


def place_of(began: int, ended: int | None, active: int | None, position: int, order: Order) -> Place:
    """Where in a list something stands that began, ended and was active at these times."""
    if order.by == "started":
        return Place(began, position)
    if order.by == "activity":
        return Place(active or 0, position)
    if ended is None:
        return Place(began + UNENDED, position)
    return Place(ended if order.by == "ended" else ended - began, position)


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
    work_orders: tuple[str, ...] | None = None
    """It belongs to one of these."""
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
    order: Order = NEWEST_FIRST
    before: Place | None = None
    """Only what comes behind this."""


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
    order: Order = NEWEST_FIRST
    before: Place | None = None


class Condition(NamedTuple):
    """A condition in SQL, and its parameters by name."""

    sql: str
    parameters: dict[str, Any]
