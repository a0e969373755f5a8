"""What the expressions of a node see: those in its data, and the conditions of its edges."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..expressions import Scope, result_entry
from ..run import RunState
from ..run.results import NodeResult
from ..values.json import FrozenDict
from ..workflow.definition import Node
from .scoping import Globals


def scope_of(
    node: Node,
    state: RunState,
    payload: Any,
    globals: Globals,
    results: Mapping[str, Sequence[NodeResult]] | None = None,
) -> Scope:
    """The scope of a run that has come to the node.

    ``payload`` is the state's, frozen; ``results`` are seen in place of those of the state.
    """
    given, elsewhere = globals.for_expressions(node)
    return Scope(
        nodes=state.context if results is None else results,
        payload=payload,
        answer=None if state.answer is None else payload,
        input=node.data,
        globals=given,
        elsewhere=elsewhere,
        public=globals.public,
        failure=_failure_before(node.id, state),
    )


def _failure_before(node_id: str, state: RunState) -> Any:
    placed = state.context.failure_before(node_id)
    if placed is None:
        return None
    entry = result_entry(placed.result)
    del entry["data"]
    return FrozenDict({"node": placed.node_id, **entry})
