"""Which edge a run follows from a node that has ended."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

from ..errors import ExpressionError
from ..expressions import Allowance, Condition, ExpressionLanguage, Scope
from ..run import RunState
from ..run.context import Context
from ..run.results import NodeResult, entry_of
from ..values.json import freeze
from ..visible import quoted
from ..workflow.changes import edge_label
from ..workflow.definition import Edge, Node
from ..workflow.routes import NodeRoutes
from .scoping import Globals
from .step_scope import scope_of


class PlannedEdge(NamedTuple):
    """An edge, its condition compiled."""

    target: str
    condition: Condition | None


PlannedEdges = tuple[PlannedEdge, ...]


@dataclass(frozen=True, slots=True)
class PlannedRoutes:
    """The edges that leave one node, ready to be followed."""

    node: Node
    direct: Mapping[str | None, str]
    """Handle (None: no handle) → the next node, where one edge without a condition takes the handle."""
    conditional: Mapping[str | None, PlannedEdges]
    """Handle → the edges that take it, where the first has a condition."""
    on_failure: PlannedEdges

    @property
    def takes_handles(self) -> bool:
        """Whether any edge leaves the node that hasn't failed."""
        return bool(self.direct or self.conditional)

    def targets(self) -> Iterator[str]:
        """The nodes to which edges lead."""
        yield from self.direct.values()
        for edges in (*self.conditional.values(), self.on_failure):
            yield from (edge.target for edge in edges)

    def conditions(self) -> Iterator[Condition]:
        """All conditions."""
        for edges in (*self.conditional.values(), self.on_failure):
            yield from (edge.condition for edge in edges if edge.condition is not None)


def plan_routes(node: Node, routes: NodeRoutes, language: ExpressionLanguage, refusal: str | None) -> PlannedRoutes:
    """Compile the conditions of a node's edges; ``refusal`` says why none is."""

    def planned(edges: Iterable[Edge]) -> PlannedEdges:
        return tuple(
            PlannedEdge(
                edge.target,
                None if edge.when is None else Condition(edge.when, language, edge=_name(edge), refusal=refusal),
            )
            for edge in edges
        )

    plain = {handle: edges[0].target for handle, edges in routes.on_success.items() if edges[0].when is None}
    others = {handle: planned(edges) for handle, edges in routes.on_success.items() if handle not in plain}
    return PlannedRoutes(node, plain, others, planned(routes.on_failure))


def _name(edge: Edge) -> str:
    return edge_label({key: value for key, value in edge.to_data().items() if key != "when"})


class Way(NamedTuple):
    """Where a run goes on from a node; where it doesn't, whether no condition was true, or what was wrong."""

    next_node_id: str | None = None
    no_condition_held: bool = False
    fault: str | None = None


def way_after_success(routes: PlannedRoutes, handle: str | None, scope: Callable[[], Scope]) -> Way:
    """Where a returned handle leads. A fault: no edge takes it, or a condition can't be evaluated."""
    next_node_id = routes.direct.get(handle)
    if next_node_id is not None:
        return Way(next_node_id)
    if (edges := routes.conditional.get(handle)) is not None:
        return _first_true(edges, scope())
    return Way(fault=describe_unrouted(routes, handle)) if routes.takes_handles else Way()


def way_after_failure(routes: PlannedRoutes, scope: Callable[[], Scope]) -> Way:
    """Where a failure for good leads. A fault: a condition can't be evaluated."""
    return _first_true(routes.on_failure, scope()) if routes.on_failure else Way()


def _first_true(edges: PlannedEdges, scope: Scope) -> Way:
    allowance = Allowance()
    for edge in edges:
        try:
            if edge.condition is None or edge.condition.holds(scope, allowance):
                return Way(edge.target)
        except ExpressionError as error:
            return Way(fault=str(error))
    return Way(no_condition_held=True)


def describe_unrouted(routes: PlannedRoutes, handle: str | None) -> str:
    """Says that no edge takes the handle, and which ones edges do take."""
    handles = [*routes.direct, *routes.conditional]
    known = ", ".join("(no handle)" if known is None else repr(known) for known in handles)
    returned = "returned no handle" if handle is None else f"returned handle {quoted(handle)}"
    return f"Node {routes.node.id!r} {returned}, which no edge takes; its edges take: {known}"


def scope_after(node: Node, state: RunState, step: Mapping[str, Any], globals: Globals) -> Callable[[], Scope]:
    """What the conditions of a node's edges see: what its data sees, and the result of the step itself.

    ``step``: the body of the event that records the step, before it is folded into the state.
    """
    return lambda: scope_of(node, state, freeze(state.payload, "payload"), globals, ResultsAfter(state.context, step))


class ResultsAfter(Mapping[str, Sequence[NodeResult]]):
    """The results of a run after a step that isn't recorded yet: what conditions of the node's edges see."""

    __slots__ = ("_context", "_node_id", "_result")

    def __init__(self, context: Context, step: Mapping[str, Any]) -> None:
        """``step``: the body of the event that will record the step."""
        self._context = context
        self._node_id: str = step["node_id"]
        self._result = NodeResult(entry_of(step))

    def __getitem__(self, node_id: str) -> Sequence[NodeResult]:
        if node_id != self._node_id:
            return self._context[node_id]
        return _WithOneMore(self._context.get(node_id, ()), self._result)

    def __iter__(self) -> Iterator[str]:
        yield from self._context
        if self._node_id not in self._context:
            yield self._node_id

    def __len__(self) -> int:
        return len(self._context) + (self._node_id not in self._context)

    def __contains__(self, node_id: object) -> bool:
        return node_id == self._node_id or node_id in self._context


class _WithOneMore(Sequence[NodeResult]):
    """Results and a last one. Copies none: a node in a loop may have many."""

    __slots__ = ("_before", "_last")

    def __init__(self, before: Sequence[NodeResult], last: NodeResult) -> None:
        self._before = before
        self._last = last

    def __len__(self) -> int:
        return len(self._before) + 1

    @overload
    def __getitem__(self, index: int) -> NodeResult: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NodeResult]: ...
    def __getitem__(self, index: int | slice) -> NodeResult | Sequence[NodeResult]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if index in (-1, len(self._before)):
            return self._last
        return self._before[index + 1 if index < 0 else index]
