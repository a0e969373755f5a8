"""How a store stands: workers, what they are to do, and what nobody does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..serialization import to_json_value
from ..workers.status import WorkerStatus


@dataclass(frozen=True, slots=True)
class Backlog:
    """Numbers of runs that haven't ended."""

    queued: int
    """Left to a worker, and claimed by none yet; also those that are to begin later."""
    due: int
    """What a worker may take now: of the queued ones, of retries, and of waits whose deadline has passed."""
    running: int
    """Claimed by a worker, or by a process whose own calls execute runs."""
    waiting: int
    """For an answer, or for a retry that isn't due yet."""
    held: int
    """By an operator."""


@dataclass(frozen=True, slots=True)
class WorkflowBacklog:
    """The same of one version of a workflow."""

    workflow_id: str
    """The workflow."""
    workflow_version: int
    """Its version, which the runs are pinned to."""
    backlog: Backlog
    """Its runs."""
    oldest_due_at: datetime | None
    """Since when the one of its runs is due that has been for longest."""
    lost: int
    """Runs whose worker is gone, or gave them up, and that nobody has taken over yet."""
    unowned: int
    """Runs that began under an older release: nobody knows whether they are executed. ``proceed`` goes on with them."""


@dataclass(frozen=True, slots=True)
class Stranded:
    """Runs that are due, and that no worker which lives can execute."""

    workflow_id: str
    """The workflow."""
    workflow_version: int
    """Its version, which the runs are pinned to."""
    due: int
    """How many."""
    reason: str
    """Why no worker takes them: which executors or globals are missing where."""


@dataclass(frozen=True, slots=True)
class PoolUse:
    """The connections of this process to its PostgreSQL store."""

    size: int
    """The most that it opens."""
    in_use: int
    """How many are used."""
    waiting: int
    """Threads that wait for one."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a store stands, at one moment."""

    at: datetime
    """By the ledger's clock."""
    workers: tuple[WorkerStatus, ...]
    """As ``ledger.workers()`` answers."""
    backlog: Backlog
    """Of all workflows."""
    workflows: tuple[WorkflowBacklog, ...]
    """By workflow and version, as far as there are runs that haven't ended."""
    oldest_due_at: datetime | None
    """Since when the run is due that has been for longest; None: nothing is."""
    lost: int
    """Runs whose worker is gone, or gave them up, and that nobody has taken over yet."""
    unowned: int
    """Runs of which nobody knows whether they are executed."""
    stranded: tuple[Stranded, ...]
    """What is due and no worker that lives can execute."""
    recoveries: int
    """How often a run was taken over since the store was made, be it handed back or lost."""
    search_behind: float
    """The age of the oldest event that the search doesn't know yet, in seconds; 0 when it has caught up."""
    pool: PoolUse | None
    """None where the store has no pool of connections."""

    def to_data(self) -> dict[str, Any]:
        """As JSON: keys in camelCase, times ISO 8601."""
        data: dict[str, Any] = to_json_value(self)
        return data


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing that was looked at."""

    name: str
    """``store``, ``index`` or ``worker``."""
    ok: bool
    """Whether it is as it should be."""
    message: str
    """How it is, in words."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a process can work."""

    ok: bool
    """Whether all checks are."""
    checks: tuple[HealthCheck, ...]
    """What was looked at, in this order."""

    def to_data(self) -> dict[str, Any]:
        """As JSON: keys in camelCase."""
        data: dict[str, Any] = to_json_value(self)
        return data
