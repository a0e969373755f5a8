"""The rows of the index, as lists read them: one a run, work order, workflow, save and act."""

from typing import NamedTuple

from ...domain.status import ListedRunStatus, ListedWorkOrderStatus


class RunRow(NamedTuple):
    """A run as lists show it. Times are microseconds since 1970 (UTC)."""

    run_id: str
    work_order_id: str
    workflow_id: str
    workflow_version: int
    status: ListedRunStatus
    node_id: str | None
    """Where it is paused, waits, failed or was cancelled; None while it runs, as that would take a write a step."""
    error_type: str | None
    """The type of the failure that it waits after or ended with."""
    by: str
    started_at: int
    finished_at: int | None
    position: int
    """Of its first event."""
    version: int
    """Of the event that led to this status: neither a plain step nor a change of metadata."""
    origin: str | None
    """``retry``, ``reproduction`` or ``fork``."""
    source: str | None
    """The run that it retries, reproduces or branches from."""
    queued: bool
    """Recorded for a worker, which has not begun yet. SQLite says 0 and 1."""
    wait_version: int | None
    """At which it asked what is open."""
    due_at: int | None
    """When it goes on by itself, unless it is held."""
    held: bool | None
    """Whether an operator holds it; None as of a past time, of which neither this nor the two before are known."""
    owner: str | None
    """The id of the worker that executes it; None as of a past time, too."""
    active_at: int | None
    """When its last event was recorded, later than any time while it is executed; None as of a past time."""


class WaitRow(NamedTuple):
    """A run with a question that is open."""

    run_id: str
    work_order_id: str
    workflow_id: str
    workflow_version: int
    by: str
    position: int
    wait_version: int
    asked_at: int
    held: bool


class WorkOrderRow(NamedTuple):
    """A work order as lists show it."""

    work_order_id: str
    workflow_id: str
    state: ListedWorkOrderStatus
    by: str
    opened_at: int
    position: int
    runs: int
    """Those that count: reproductions and forks don't."""
    last_run_id: str | None
    reason: str | None
    """Why it was rejected."""
    finished_at: int | None
    """When its last run ended, or it was rejected."""
    active_at: int
    """When the last event of its last run was recorded, later than any time while that is executed."""


class WorkflowRow(NamedTuple):
    """A workflow as lists show it."""

    workflow_id: str
    version: int
    """Of its last event."""
    saves: int
    saved_version: int
    live_version: int
    """0: none of them is live."""
    snapshot_id: str
    name: str | None
    by: str
    taken_at: int
    message: str | None
    archived: bool


class SaveRow(NamedTuple):
    """One save of a workflow."""

    workflow_id: str
    version: int
    snapshot_id: str
    by: str
    taken_at: int
    message: str | None
    digest: str


class ActRow(NamedTuple):
    """What an actor did: every event but steps, what follows from them, and what says the same as another event."""

    stream: str
    version: int
    position: int
    recorded_at: int
    by: str
    type: str
