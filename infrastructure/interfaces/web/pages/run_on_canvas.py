"""What a run has done to the nodes and edges of its workflow."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .....domain.status import RunStatus
from .....domain.workflow.definition import WorkflowDefinition
from .....projections.run_view.taken_edges import taken_edges
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
        Counter({edge: len(at) for edge, at in taken_edges(made, (definition or seen.definition).edges).items()}),
    )
