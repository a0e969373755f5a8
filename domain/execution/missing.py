"""The executors that a run may still need, and a process lacks."""

from collections import defaultdict

from ..errors import ExecutorMissing
from .plan import Plan


def refuse_missing_executors(plan: Plan, node_id: str, workflow_id: str, version: int) -> None:
    """Raises ExecutorMissing where a run that goes on at the node may come to one whose type has no executor here."""
    if not plan.missing:
        return
    needed: defaultdict[str, list[str]] = defaultdict(list)
    ahead = {*plan.reachable(node_id)}
    for missing, type in plan.missing.items():
        if missing in ahead:
            needed[type].append(missing)
    if needed:
        raise ExecutorMissing(workflow_id, version, needed)
