"""The nodes that a run may still come to, and the executors that it needs for them."""

from collections import defaultdict

from ..errors import ExecutorMissing
from ..workflow.definition import WorkflowDefinition
from .plan import Plan


def reachable_nodes(definition: WorkflowDefinition, node_id: str) -> set[str]:
    """A node, and all that edges lead to from there, on whatever handle."""
    targets: defaultdict[str, list[str]] = defaultdict(list)
    for edge in definition.edges:
        targets[edge.source].append(edge.target)
    found, due = {node_id}, [node_id]
    while due:
        new = [target for target in targets[due.pop()] if target not in found]
        found.update(new)
        due += new
    return found


def refuse_missing_executors(plan: Plan, node_id: str, workflow_id: str, version: int) -> None:
    """Raises ExecutorMissing where a run that goes on at the node may come to one whose type has no executor here."""
    if not plan.missing:
        return
    needed: defaultdict[str, list[str]] = defaultdict(list)
    ahead = reachable_nodes(plan.definition, node_id)
    for missing, type in plan.missing.items():
        if missing in ahead:
            needed[type].append(missing)
    if needed:
        raise ExecutorMissing(workflow_id, version, needed)
