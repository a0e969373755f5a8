"""What a run has done to the nodes and edges of its workflow."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .....domain.status import RunStatus
from .....domain.workflow.definition import Edge, WorkflowDefinition
from .....projections.runs.attempts import Attempt, attempts

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class RunOnCanvas:
    """A run, as the canvas of its version shows it."""

    id: str
    workflow_id: str
    workflow_version: int
    status: RunStatus
    statuses: Mapping[str, str]
    """Of each node that the run reached."""
    attempts: Mapping[str, Sequence[Attempt]]
    """By node, in the order in which they were made."""
    taken: Counter[int]
    """How often each edge was taken, by its number in the definition."""


def run_on_canvas(ledger: Ledger, run_id: str, definition: WorkflowDefinition | None = None) -> RunOnCanvas:
    """Read the run. Raises RunNotFound."""
    header = ledger.history.header(run_id)
    events = list(ledger.history.events(run_id))
    seen = ledger.history.workflow_of(run_id)
    made = list(attempts(events))
    by_node: defaultdict[str, list[Attempt]] = defaultdict(list)
    statuses: dict[str, str] = {each.node_id: "reused" for each in ledger.history.reused(run_id)}
    for attempt in made:
        by_node[attempt.node_id].append(attempt)
        statuses[attempt.node_id] = attempt.outcome
    if header.current_node_id is not None and header.status not in ("completed", "cancelled"):
        statuses[header.current_node_id] = header.status
    return RunOnCanvas(
        run_id,
        seen.workflow_id,
        seen.version,
        header.status,
        statuses,
        by_node,
        _taken(made, (definition or seen.definition).edges),
    )


def _taken(made: Sequence[Attempt], edges: Sequence[Edge]) -> Counter[int]:
    """How often each edge was taken: the first that leads there by the handle, or on failure."""
    ways: dict[tuple[str, str, str | None, bool], int] = {}
    for number, edge in enumerate(edges):
        if edge.enabled:
            ways.setdefault((edge.source, edge.target, edge.source_handle, edge.on == "failure"), number)
    taken: Counter[int] = Counter()
    for attempt in made:
        if attempt.next_node_id is None:
            continue
        failed = attempt.outcome == "failed"
        way = (attempt.node_id, attempt.next_node_id, None if failed else attempt.handle, failed)
        if way in ways:
            taken[ways[way]] += 1
    return taken
