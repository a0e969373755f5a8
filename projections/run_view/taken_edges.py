"""Which edges of its workflow a run has taken, and when."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

from ...domain.workflow.definition import Edge


class Left(Protocol):
    """An execution of a node, and where it led: an attempt, or an execution of the run page."""

    @property
    def version(self) -> int: ...
    @property
    def node_id(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def handle(self) -> str | None: ...
    @property
    def next_node_id(self) -> str | None: ...


def taken_edges(executions: Iterable[Left], edges: Sequence[Edge]) -> defaultdict[int, list[int]]:
    """By the number of each edge, the versions at which it was taken.

    Of edges that lead the same way by the same handle, or on failure, it is the first.
    """
    ways: dict[tuple[str, str, str | None, bool], int] = {}
    for number, edge in enumerate(edges):
        if edge.enabled:
            ways.setdefault((edge.source, edge.target, edge.source_handle, edge.on == "failure"), number)
    taken: defaultdict[int, list[int]] = defaultdict(list)
    for done in executions:
        if done.next_node_id is not None:
            failed = done.outcome == "failed"
            way = (done.node_id, done.next_node_id, None if failed else done.handle, failed)
            if way in ways:
                taken[ways[way]].append(done.version)
    return taken
