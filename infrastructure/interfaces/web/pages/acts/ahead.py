"""Which nodes a run may come to, and which of them act on the world."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ......domain.execution.executors import ExecutorRegistry
from ......domain.workflow.definition import WorkflowDefinition
from .....ledger.ledger import executors_of

if TYPE_CHECKING:
    from ......domain.rerun.effects import RepeatedEffect
    from .....ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class NodeAhead:
    """A node that may be executed."""

    id: str
    type: str
    has_effects: bool
    """Whether its executor here says that it acts on the world."""
    repeated: RepeatedEffect | None = None
    """What it did to the world already, and would do again."""
    is_new: bool = False
    """Whether the version that ran then had no such node."""
    has_changed: bool = False
    """Whether it, or its executor's code, has changed since."""

    @property
    def says_something(self) -> bool:
        """Whether there is more to say of it than that it may run."""
        return self.has_effects or self.is_new or self.has_changed


def nodes_ahead(
    ledger: Ledger,
    definition: WorkflowDefinition,
    start: str | None,
    repeated: Iterable[RepeatedEffect] = (),
    added: Iterable[str] = (),
    changed: Iterable[str] = (),
) -> tuple[NodeAhead, ...]:
    """The nodes that a run may come to which goes on at ``start``, in the order of the definition."""
    reached = _reached(definition, start)
    effects = {effect.node_id: effect for effect in repeated}
    executors, new, others = executors_of(ledger), set(added), set(changed)
    return tuple(
        NodeAhead(
            node.id,
            node.type,
            node.id in effects or has_effects(executors, node.type),
            effects.get(node.id),
            node.id in new,
            node.id in others,
        )
        for node in definition.nodes
        if node.id in reached
    )


def has_effects(executors: ExecutorRegistry | None, type: str) -> bool:
    """Whether the executor of a type acts on the world, as far as this process knows."""
    executor = None if executors is None else executors.get(type)
    return executor is not None and executor.effects


def _reached(definition: WorkflowDefinition, start: str | None) -> set[str]:
    leads: defaultdict[str, list[str]] = defaultdict(list)
    for edge in definition.edges:
        if edge.enabled:
            leads[edge.source].append(edge.target)
    reached: set[str] = set()
    due = [] if start is None else [start]
    while due:
        if (node_id := due.pop()) not in reached:
            reached.add(node_id)
            due += leads[node_id]
    return reached
