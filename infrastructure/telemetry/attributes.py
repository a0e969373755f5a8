"""What spans say of a run. Never what it was given or has produced."""

from ...domain.run import RunState

Attributes = dict[str, str | int | bool]


def of_run(state: RunState) -> Attributes:
    """The attributes that all spans of a run have."""
    return {
        "flowledger.run.id": state.run_id or "",
        "flowledger.workflow.id": state.workflow_id,
        "flowledger.workflow.version": state.workflow_version,
    }
