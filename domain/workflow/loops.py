"""The loops of a graph, and which of them is the innermost one around each node.

A loop is a set of nodes of which each leads to every other one, as large as it can be. It begins at the nodes to which
edges lead from outside. Without the edges that lead back to these, what still goes in circles are the loops inside.
"""

from collections.abc import Iterator, Mapping, Sequence

from ..lazy import lazy
from .definition import WorkflowDefinition
from .routes import routes_of

Loop = frozenset[str]
"""The ids of its nodes, those of the loops inside of it included."""

MAX_NESTING = 8
"""Loops inside of so many others are not told apart: else a crafted graph took time by the square of its size."""


class Loops:
    """The loops of a definition, looked for when one is asked about."""

    def __init__(self, definition: WorkflowDefinition) -> None:
        self._definition = definition

    def around(self, node_id: str) -> Loop | None:
        """The innermost loop around a node; None where it is in none, or isn't there."""
        return self._innermost.get(node_id)

    @lazy
    def need_order(self) -> bool:
        """Whether it takes the order of all results to know which visit one belongs to, or which failure led on."""
        if any(edge.enabled and edge.on == "failure" for edge in self._definition.edges):
            return True
        # Loops are inside of each other or have no node in common.
        return sum(map(len, set(self._innermost.values()))) > len(self._innermost)

    @lazy
    def _innermost(self) -> Mapping[str, Loop]:
        return loops_of(self._definition)


_Graph = Mapping[str, Sequence[str]]
"""Node → the nodes to which its edges lead."""


def loops_of(definition: WorkflowDefinition) -> dict[str, Loop]:
    """The innermost loop around each node that is in one."""
    graph: _Graph = {node_id: tuple(routes.targets()) for node_id, routes in routes_of(definition).items()}
    order = {node_id: place for place, node_id in enumerate(graph)}
    first = definition.roots if definition.start is None else (definition.start,)
    innermost: dict[str, Loop] = {}
    regions: list[tuple[_Graph, int]] = [(graph, 1)]
    while regions:
        graph, depth = regions.pop()
        loops = {node: loop for loop in _circles(graph) for node in loop}
        innermost |= loops
        if depth == MAX_NESTING:
            continue
        begins = {node for node in first if node in loops}
        for node, targets in graph.items():
            begins.update(target for target in targets if target in loops and loops[target] is not loops.get(node))
        for loop in dict.fromkeys(loops.values()):
            # Where nothing leads to a loop, a run can only be told to begin in it.
            kept_out = begins & loop or {min(loop, key=order.__getitem__)}
            inside = {
                node: [target for target in graph[node] if target in loop and target not in kept_out] for node in loop
            }
            regions.append((inside, depth + 1))
    return innermost


def _circles(graph: _Graph) -> Iterator[Loop]:
    """The strongly connected components that have an edge inside: Tarjan's algorithm, without recursion."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    for root in graph:
        if root in number:
            continue
        path = [(root, iter(graph[root]))]
        number[root] = lowest[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while path:
            node, targets = path[-1]
            for target in targets:
                if target not in number:
                    number[target] = lowest[target] = len(number)
                    stack.append(target)
                    on_stack.add(target)
                    path.append((target, iter(graph[target])))
                    break
                if target in on_stack:
                    lowest[node] = min(lowest[node], number[target])
            else:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[node])
                if lowest[node] == number[node]:
                    loop = frozenset(_taken_off(stack, node))
                    on_stack -= loop
                    if len(loop) > 1 or node in graph[node]:
                        yield loop


def _taken_off(stack: list[str], last: str) -> Iterator[str]:
    while (node := stack.pop()) != last:
        yield node
    yield node
