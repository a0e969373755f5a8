"""In which row each node stands: below all that lead to it, save for the edges that close a circle."""

from collections.abc import Sequence

Ends = tuple[int, int]
"""The source and the target of an edge, as numbers of nodes."""


def edges_back(count: int, edges: Sequence[Ends], firsts: Sequence[int]) -> set[int]:
    """The edges, by number, that lead back to a node on the way to their source; the others form no circle.

    ``firsts`` are the nodes from which to look, before those that come first otherwise.
    """
    leaving: list[list[int]] = [[] for _ in range(count)]
    for number, (source, _) in enumerate(edges):
        leaving[source].append(number)
    back: set[int] = set()
    state = bytearray(count)  # 1: on the way, 2: done
    for first in (*firsts, *range(count)):
        if state[first]:
            continue
        state[first] = 1
        path = [(first, iter(leaving[first]))]
        while path:
            node, rest = path[-1]
            for number in rest:
                target = edges[number][1]
                if state[target] == 1:
                    back.add(number)
                elif not state[target]:
                    state[target] = 1
                    path.append((target, iter(leaving[target])))
                    break
            else:
                state[node] = 2
                path.pop()
    return back


def ranks_of(count: int, edges: Sequence[Ends], start: int | None) -> list[int]:
    """The row of each node, from 0, of edges without a circle: as high up as they can stand.

    Nodes to which nothing leads, other than the start, stand right above the first to which they lead.
    """
    leaving: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for source, target in edges:
        leaving[source].append(target)
        missing[target] += 1
    ranks = [0] * count
    roots = [node for node in range(count) if not missing[node]]
    order = [*roots]
    for node in order:  # grows while it is read
        below = ranks[node] + 1
        for target in leaving[node]:
            if ranks[target] < below:
                ranks[target] = below
            missing[target] -= 1
            if not missing[target]:
                order.append(target)
    for root in roots:
        if root != start and leaving[root]:
            ranks[root] = min(ranks[target] for target in leaving[root]) - 1
    return ranks
