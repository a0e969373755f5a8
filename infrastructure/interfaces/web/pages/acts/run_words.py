"""How a run that an act began, or went on with, stands now."""

from ......projections.runs.run import Run


def how_it_went(run: Run) -> str:
    """``it has completed``, ``it waits for an answer at review``."""
    node = run.snapshot.current_node_id
    match run.status:
        case "completed":
            return "it has completed"
        case "failed":
            return f"it has failed at {node}" if node else "it has failed"
        case "paused":
            return f"it is held at {node}" if run.held is not None else f"it waits for an answer at {node}"
        case "error":
            return f"it waits for a retry of {node}"
        case "cancelled":
            return "it is cancelled"
        case _:
            return f"it is to go on at {node}" if node else "it is active"
