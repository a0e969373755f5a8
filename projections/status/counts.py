"""From rows of counts to what they say."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...domain.values.clock import moment
from ..workers.status import WorkerStatus
from .model import Backlog, Stranded, WorkflowBacklog


class CountRow(NamedTuple):
    """Runs of one version of a workflow, of one kind: ``ready`` (a worker may take them, now or later), ``idle`` (they
    are paused or wait for a retry), ``running``, ``lost``, ``unowned``."""

    kind: str
    workflow_id: str
    workflow_version: int
    runs: int
    due: int
    """Of ``ready``: those that may be taken now; of ``idle``: those that are counted as ready, too."""
    oldest_due_at: int | None
    held: int
    waiting: int


class _Counts:
    def __init__(self) -> None:
        self.ready = self.idle_ready = self.due = self.running = self.waiting = self.held = self.lost = self.unowned = 0
        self.oldest_due_at: int | None = None

    def add(self, row: CountRow) -> None:
        match row.kind:
            case "ready":
                self.ready, self.due, self.oldest_due_at = row.runs, row.due, row.oldest_due_at
            case "idle":
                self.idle_ready, self.held, self.waiting = row.due, row.held, row.waiting
            case "running":
                self.running = row.runs
            case "lost":
                self.lost = row.runs
            case _:
                self.unowned = row.runs

    def backlog(self) -> Backlog:
        return Backlog(self.ready - self.idle_ready, self.due, self.running, self.waiting, self.held)


def by_workflow(rows: Iterable[CountRow]) -> tuple[WorkflowBacklog, ...]:
    """What stands in the rows, by workflow and version."""
    counted: dict[tuple[str, int], _Counts] = {}
    for row in rows:
        counted.setdefault((row.workflow_id, row.workflow_version), _Counts()).add(row)
    return tuple(
        WorkflowBacklog(
            workflow_id,
            version,
            counts.backlog(),
            None if counts.oldest_due_at is None else moment(counts.oldest_due_at),
            counts.lost,
            counts.unowned,
        )
        for (workflow_id, version), counts in sorted(counted.items())
    )


def total(workflows: Sequence[WorkflowBacklog]) -> Backlog:
    """The sum of all."""
    backlogs = [each.backlog for each in workflows]
    return Backlog(
        sum(backlog.queued for backlog in backlogs),
        sum(backlog.due for backlog in backlogs),
        sum(backlog.running for backlog in backlogs),
        sum(backlog.waiting for backlog in backlogs),
        sum(backlog.held for backlog in backlogs),
    )


def stranded(workflows: Sequence[WorkflowBacklog], workers: Sequence[WorkerStatus]) -> tuple[Stranded, ...]:
    """What is due and can't be executed by any of the workers that live."""
    alive = [worker for worker in workers if worker.is_alive and worker.is_worker]
    return tuple(
        Stranded(each.workflow_id, each.workflow_version, each.backlog.due, reason)
        for each in workflows
        if each.backlog.due and (reason := _why_nobody(each, alive)) is not None
    )


def _why_nobody(each: WorkflowBacklog, alive: Sequence[WorkerStatus]) -> str | None:
    if not alive:
        return "no worker is there"
    takes = [worker for worker in alive if worker.workflows is None or each.workflow_id in worker.workflows]
    if not takes:
        return "no worker takes runs of this workflow"
    version = f"{each.workflow_id}@{each.workflow_version}"
    reasons = [(worker.name, worker.lacking.get(version)) for worker in takes]
    if any(reason is None for _, reason in reasons):
        return None
    return "; ".join(sorted({f"{name}: {reason}" for name, reason in reasons}))
