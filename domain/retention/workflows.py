"""Which workflows go under a policy, with all their versions, and why the others stay."""

from typing import Literal, NamedTuple

from .policy import RetentionPolicy, latest_change

WorkflowKeptReason = Literal["current", "used", "young", "changed"]


class WorkflowToKeep(NamedTuple):
    """A workflow, as the decision needs it. Times in microseconds since 1970."""

    id: str
    is_archived: bool
    work_orders: int
    """How many stay. Each has runs of some version, or an input that one has refused."""
    changed_at: int
    """When something happened to it last."""


def why_workflow_kept(policy: RetentionPolicy, workflow: WorkflowToKeep, now: int) -> WorkflowKeptReason | None:
    """Why it stays; None where it may go."""
    latest = latest_change(policy, now)
    if not workflow.is_archived:
        return "current"
    if workflow.work_orders:
        return "used"
    return "young" if latest is not None and workflow.changed_at > latest else None
