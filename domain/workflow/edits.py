"""Changes of a definition that concern several of its parts at once. All is JSON, and new definitions are returned."""

from collections.abc import Mapping
from typing import Any

_Definition = Mapping[str, Any]


def add_node(definition: _Definition, node: Mapping[str, Any], after: str | None = None) -> dict[str, Any]:
    """With one more node. Behind ``after``, where that is named: on the edge that is taken by default, or a new one."""
    nodes, edges = [*definition["nodes"]], [*definition["edges"]]
    if after is None:
        return {**definition, "nodes": [*nodes, dict(node)]}
    place = next(number for number, each in enumerate(nodes, 1) if each["id"] == after)
    nodes.insert(place, dict(node))
    usual = next((number for number, edge in enumerate(edges) if edge["source"] == after and _is_usual(edge)), None)
    if usual is not None:
        edges.append({"source": node["id"], "target": edges[usual]["target"]})
        edges[usual] = {**edges[usual], "target": node["id"]}
    else:
        edges.append({"source": after, "target": node["id"]})
    return {**definition, "nodes": nodes, "edges": edges}


def _is_usual(edge: Mapping[str, Any]) -> bool:
    """Whether it is taken when nothing speaks for another one."""
    special = (edge.get("sourceHandle"), edge.get("when"))
    return special == (None, None) and edge.get("on", "success") == "success" and edge.get("enabled") is not False


def remove_node(definition: _Definition, node_id: str) -> dict[str, Any]:
    """Without a node and the edges that lead to it or on from it. Where it was the start, none is named any more."""
    return {
        **{key: value for key, value in definition.items() if key != "start" or value != node_id},
        "nodes": [node for node in definition["nodes"] if node["id"] != node_id],
        "edges": [edge for edge in definition["edges"] if node_id not in (edge["source"], edge["target"])],
    }


def rename_node(definition: _Definition, old: str, new: str) -> dict[str, Any]:
    """With another id for a node, also where edges and the start name it. Expressions that name it are left as is."""
    names = {old: new}
    start = {"start": names.get(definition["start"], definition["start"])} if "start" in definition else {}
    return {
        **definition,
        **start,
        "nodes": [{**node, "id": names.get(node["id"], node["id"])} for node in definition["nodes"]],
        "edges": [
            {**edge, **{end: names.get(edge[end], edge[end]) for end in ("source", "target")}}
            for edge in definition["edges"]
        ],
    }


def connect(definition: _Definition, source: str, target: str, **terms: Any) -> dict[str, Any]:
    """With one more edge; ``terms`` are its other keys."""
    return {**definition, "edges": [*definition["edges"], {"source": source, "target": target, **terms}]}


def remove_edge(definition: _Definition, number: int) -> dict[str, Any]:
    """Without the edge of that number, from 0."""
    return {**definition, "edges": [edge for place, edge in enumerate(definition["edges"]) if place != number]}


def move_edge_up(definition: _Definition, number: int) -> dict[str, Any]:
    """With the edge of that number before the one that leaves the same node before it: it is tried earlier."""
    edges = [*definition["edges"]]
    before = [place for place in range(number) if edges[place]["source"] == edges[number]["source"]]
    if before:
        edges[before[-1]], edges[number] = edges[number], edges[before[-1]]
    return {**definition, "edges": edges}
