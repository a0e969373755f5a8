"""Drawings of a workflow's versions: a node that two versions have stays where it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .....domain.workflow import WorkflowSnapshot, WorkflowVersion
from .....projections.layout import CANVAS, Graph, Layout, Style, chain_to, graph_of, lay_out_last

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger


def draw_version(
    ledger: Ledger, workflow: WorkflowSnapshot, versions: Sequence[WorkflowVersion], style: Style = CANVAS
) -> Layout | None:
    """The drawing of a version; ``versions`` are all of its workflow. None: it is too large for a picture."""
    return lay_out_last(graphs_to(ledger, workflow, versions), style)


def graphs_to(ledger: Ledger, workflow: WorkflowSnapshot, versions: Sequence[WorkflowVersion]) -> list[Graph]:
    """The graphs from which the drawing of a version follows, its own last."""
    shapes = [each.version for each in versions if each.version <= workflow.version and _is_new_shape(each)]
    numbers = [shapes[place] for place in chain_to(len(shapes) - 1)] if shapes else []
    before = [graph_of(ledger.workflows.get(workflow.workflow_id, number).definition) for number in numbers[:-1]]
    return [*before, graph_of(workflow.definition)]


def _is_new_shape(version: WorkflowVersion) -> bool:
    """Whether a save may have changed what is drawn."""
    nodes, edges = version.changes.nodes, version.changes.edges
    return version.kind == "saved" and bool(
        nodes.added or nodes.removed or any(edges) or version.changes.order or version.changes.start
    )
