"""The order of a run's results, which isn't seen in a snapshot's JSON, where they stand by node."""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence

from .results import Entry


def in_order(by_node: Mapping[str, Sequence[Entry]], told: Sequence[str]) -> list[Entry]:
    """The results of all nodes: first as was ``told``, by the nodes that had them; the rest by their times.

    Nothing is told by other engines, nor of results that one of them has added.
    """
    left = {node_id: deque(results) for node_id, results in by_node.items()}
    first = [results.popleft() for node_id in told if (results := left.get(node_id))]
    return [*first, *heapq.merge(*left.values(), key=_recorded_at)]


def _recorded_at(entry: Entry) -> int:
    at: int = entry["recorded_at"]
    return at
