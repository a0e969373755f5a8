"""Three-way merge of definitions, by whole nodes and edges, and the start."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, TypeVar

from ..values.json_compare import same_json
from .changes import EdgeKey, edge_label, is_reordered, keyed_edges, keyed_nodes

_Key = TypeVar("_Key", str, EdgeKey)
_Parts = dict[_Key, Mapping[str, Any]]


def merge(
    base: Mapping[str, Any], theirs: Mapping[str, Any], mine: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The definition with the changes of both to ``base``, and the parts that both changed differently.

    All are definitions as JSON. A merged graph may break the rules that hold for each of the two.
    """
    nodes, in_both = _parts(keyed_nodes(base), keyed_nodes(theirs), keyed_nodes(mine))
    edges, of_both = _parts(keyed_edges(base), keyed_edges(theirs), keyed_edges(mine))
    any_edge = keyed_edges(base) | keyed_edges(theirs) | keyed_edges(mine)
    conflicts = [f"node {key!r}" for key in in_both] + [f"edge {edge_label(any_edge[key])!r}" for key in of_both]
    definition: dict[str, Any] = {"nodes": nodes, "edges": edges}
    start = _chosen(base.get("start"), theirs.get("start"), mine.get("start"))
    if start is _CONFLICT:
        conflicts.append("the start")
    elif start is not None:
        definition["start"] = start
    return definition, conflicts


def _parts(base: _Parts[_Key], theirs: _Parts[_Key], mine: _Parts[_Key]) -> tuple[list[Mapping[str, Any]], list[_Key]]:
    kept: dict[_Key, Mapping[str, Any]] = {}
    conflicts: list[_Key] = []
    for key in base | theirs | mine:
        part = _chosen(base.get(key), theirs.get(key), mine.get(key))
        if part is _CONFLICT:
            conflicts.append(key)
        elif part is not None:
            kept[key] = part
    # The side that reordered existing parts decides the order.
    first, second = (theirs, mine) if is_reordered(base, theirs) else (mine, theirs)
    return [kept[key] for key in _in_order(first, second) if key in kept], conflicts


def _chosen(base: Any, theirs: Any, mine: Any) -> Any:
    """The changed side; None where the part is absent; _CONFLICT where both changed it differently."""
    if same_json(theirs, mine) or same_json(base, mine):
        return theirs
    return mine if same_json(base, theirs) else _CONFLICT


def _in_order(first: _Parts[_Key], second: _Parts[_Key]) -> list[_Key]:
    """The keys in the order of the first; those that only the second has, after the key that they follow there."""
    order: list[_Key] = []
    behind: defaultdict[_Key, list[_Key]] = defaultdict(list)
    following = order
    for key in second:
        if key in first:
            following = behind[key]
        else:
            following.append(key)
    for key in first:
        order.append(key)
        order.extend(behind[key])
    return order


_CONFLICT = object()
