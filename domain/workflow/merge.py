"""Three-way merge of definitions, by whole nodes and edges, and what belongs to the definition as a whole."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from ..values.json_compare import same_json
from .changes import ABOUT, EdgeKey, edge_label, is_reordered, keyed_edges, keyed_nodes

_Key = TypeVar("_Key", str, EdgeKey)
_Part = Mapping[str, Any]
_Parts = dict[_Key, _Part]


def merge(
    base: Mapping[str, Any], theirs: Mapping[str, Any], mine: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The definition with the changes of both to ``base``, and the parts that both changed differently.

    All are definitions as JSON. A merged graph may break the rules that hold for each of the two.
    """
    nodes, in_both = _parts(keyed_nodes(base), keyed_nodes(theirs), keyed_nodes(mine))
    edges, conflicts = _merge_edges(base, theirs, mine)
    conflicts = [f"node {key!r}" for key in in_both] + conflicts
    definition: dict[str, Any] = {"nodes": nodes, "edges": edges}
    for key in ("start", *ABOUT):
        chosen = _chosen(base.get(key), theirs.get(key), mine.get(key))
        if chosen is _CONFLICT:
            conflicts.append(f"the {key}")
        elif chosen is not None:
            definition[key] = chosen
    return definition, conflicts


def _merge_edges(base: _Part, theirs: _Part, mine: _Part) -> tuple[list[_Part], list[str]]:
    """One by one; but edges that are tried one after the other, as they have conditions, with their order."""
    sides = [keyed_edges(side) for side in (base, theirs, mine)]
    edges, in_both = _parts(*sides)
    any_edge = sides[0] | sides[1] | sides[2]
    conflicts = [f"edge {edge_label(any_edge[key])!r}" for key in in_both]
    choices = [_choices(side.values()) for side in sides]
    conditional = {choice for side in choices for choice, those in side.items() if any("when" in one for one in those)}
    decided: dict[_Choice, list[_Part]] = {}
    for choice in sorted(conditional, key=repr):
        chosen = _chosen(*(side.get(choice, []) for side in choices))
        if chosen is not _CONFLICT:
            decided[choice] = chosen
        elif not in_both:
            source, on, handle = choice
            way = "on failure" if on == "failure" else "" if handle is None else f"by {handle!r}"
            conflicts.append(f"the conditions on the ways from {source!r} {way}".rstrip())
    merged: list[_Part] = []
    for edge in edges:
        choice = _choice(edge)
        merged += [edge] if choice not in conditional else decided.pop(choice, ())
    return [*merged, *(edge for those in decided.values() for edge in those)], conflicts


_Choice = tuple[str, str, str | None]
"""Source, outcome and handle: edges of which one is taken."""


def _choice(edge: _Part) -> _Choice:
    return edge["source"], edge.get("on", "success"), edge.get("sourceHandle")


def _choices(edges: Iterable[_Part]) -> dict[_Choice, list[_Part]]:
    choices: dict[_Choice, list[_Part]] = {}
    for edge in edges:
        choices.setdefault(_choice(edge), []).append(edge)
    return choices


def _parts(base: _Parts[_Key], theirs: _Parts[_Key], mine: _Parts[_Key]) -> tuple[list[_Part], list[_Key]]:
    kept: dict[_Key, _Part] = {}
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
