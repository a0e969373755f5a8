"""Edges of which one is tried after the other."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .changes import EdgeKey

Way = tuple[str, str, str | None]
"""Source, outcome and handle: of the edges that have it one is taken."""


def group_edges(sides: Sequence[Mapping[EdgeKey, Mapping[str, Any]]]) -> dict[EdgeKey, EdgeKey]:
    """The edges that stand together on a way with conditions, on any side, each with an edge that names its group.

    An edge that stands on one such way here and on another one there makes one group of both.
    """
    conditional = {_way(edge) for side in sides for edge in side.values() if "when" in edge}
    leaders: dict[EdgeKey, EdgeKey] = {}
    first_on: dict[Way, EdgeKey] = {}

    def leader(key: EdgeKey) -> EdgeKey:
        while leaders[key] != key:
            key = leaders[key] = leaders[leaders[key]]
        return key

    for side in sides:
        for key, edge in side.items():
            if (way := _way(edge)) in conditional:
                leaders.setdefault(key, key)
                leaders[leader(key)] = leader(first_on.setdefault(way, key))
    groups: dict[EdgeKey, list[EdgeKey]] = {}
    for key in leaders:
        groups.setdefault(leader(key), []).append(key)
    return {key: min(group, key=repr) for group in groups.values() for key in group}


def name_of_group(edges: Iterable[Mapping[str, Any]]) -> str:
    """What people call a group: ``the conditions on the ways from 'a' by 'h'``."""
    ways = sorted({_name_of(way) for way in map(_way, edges)})
    return f"the conditions on the ways {', '.join(ways)}"


def _name_of(way: Way) -> str:
    source, on, handle = way
    return f"from {source!r}{' on failure' if on == 'failure' else '' if handle is None else f' by {handle!r}'}"


def _way(edge: Mapping[str, Any]) -> Way:
    return edge["source"], edge.get("on", "success"), edge.get("sourceHandle")
