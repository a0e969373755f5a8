"""The loops that a run went round, found in the order in which its nodes completed."""

from collections.abc import Mapping, Sequence


def loops_of(completed: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """By each node in a loop the nodes of that loop. Loops that share a node are one.

    A node that completes again has closed a loop with all that completed in between.
    """
    loops: dict[str, set[str]] = {}
    last: dict[str, int] = {}
    before: int | None = None
    """Where the node that completed just now had completed the time before."""
    for place, node_id in enumerate(completed):
        earlier = last.get(node_id)
        if earlier is not None and before != earlier - 1:  # else the step before closed the same loop
            _join(loops, set(completed[earlier:place]))
        before, last[node_id] = earlier if earlier is not None else None, place
    return {node_id: frozenset(nodes) for node_id, nodes in loops.items()}


def _join(loops: dict[str, set[str]], nodes: set[str]) -> None:
    whole = nodes.union(*(loops[node_id] for node_id in nodes if node_id in loops))
    for node_id in whole:
        loops[node_id] = whole
