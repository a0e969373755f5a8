"""What is wrong with a graph, told of its JSON: the definition may have faults in its shape, too."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import Fault, InvalidDefinition
from ..values.names import name_fault
from ..visible import quoted
from .retry_policy import policy_of

MAX_PARTS = 100_000
"""Nodes, and edges, of a definition that is handed in."""

_Part = Mapping[str, Any]


def as_json(definition: Any) -> Any:
    """The JSON of what is, or is to become, a definition; its parts may be models already."""
    if hasattr(definition, "to_data"):
        return definition.to_data()
    if not isinstance(definition, Mapping):
        return definition
    listed = {key: definition[key] for key in ("nodes", "edges") if isinstance(definition.get(key), list | tuple)}
    return {
        **definition,
        **{
            key: [part.to_data() if hasattr(part, "to_data") else part for part in parts]
            for key, parts in listed.items()
        },
    }


def size_faults(definition: Any) -> list[Fault]:
    """A fault for too many nodes or edges; they are then not checked one by one."""
    parts = {key: definition.get(key) for key in ("nodes", "edges")} if isinstance(definition, Mapping) else {}
    counts = {key: len(those) for key, those in parts.items() if isinstance(those, list | tuple)}
    return [
        Fault(key, f"there are {count:,}, the limit is {MAX_PARTS:,}: make several workflows of it")
        for key, count in counts.items()
        if count > MAX_PARTS
    ]


def graph_faults(definition: Any) -> list[Fault]:
    """The rules that a graph must keep to be run; for what is no object there are none."""
    definition = as_json(definition)
    if not isinstance(definition, Mapping):
        return []
    nodes, edges, start = entries(definition, "nodes"), entries(definition, "edges"), definition.get("start")
    faults: list[Fault] = []
    if not nodes:
        faults.append(Fault("nodes", "there is none; a workflow needs at least one node"))
    ids = [node["id"] for node in nodes if isinstance(node.get("id"), str)]
    faults += [
        Fault("nodes", f"{count} nodes have the id {quoted(node_id)}")
        for node_id, count in Counter(ids).items()
        if count > 1
    ]
    known = set(ids)
    for index, edge in enumerate(edges):
        faults += [
            Fault(f"edges[{index}].{end}", f"there is no node {quoted(edge[end])}")
            for end in ("source", "target")
            if isinstance(edge.get(end), str) and edge[end] not in known
        ]
    faults += _way_faults(edges)
    for index, node in enumerate(nodes):
        try:
            policy_of(node, f"nodes[{index}]")
        except InvalidDefinition as error:
            faults += error.faults
    if isinstance(start, str) and start not in known:
        faults.append(Fault("start", f"there is no node {quoted(start)}"))
    return faults


def _way_faults(edges: Sequence[_Part]) -> Iterator[Fault]:
    """Edges that nothing could ever follow, as another one is always taken before them."""
    unconditional: dict[tuple[str, bool, str | None], int] = {}
    for index, edge in enumerate(edges):
        handle = edge.get("sourceHandle", edge.get("source_handle"))
        if not is_enabled(edge) or not isinstance(edge.get("source"), str) or not isinstance(handle, str | None):
            continue
        on_failure = edge.get("on") == "failure"
        if on_failure and handle is not None:
            yield Fault(f"edges[{index}].sourceHandle", "a node that failed has returned no handle: leave it out")
            continue
        first = unconditional.get((edge["source"], on_failure, handle))
        if first is not None:
            by = (
                "on failure"
                if on_failure
                else f"by the handle {quoted(handle)}"
                if handle is not None
                else "by no handle"
            )
            hint = "" if edge.get("when") is None else ", which has no condition and so is always taken"
            message = f"leaves node {quoted(edge['source'])} {by}, as edges[{first}] does{hint}"
            yield Fault(f"edges[{index}]", message)
        elif edge.get("when") is None:
            unconditional[edge["source"], on_failure, handle] = index


def start_faults(definition: Any) -> list[Fault]:
    """What is wrong where a start node is needed and none was named; the definition may have other faults too."""
    definition = as_json(definition)
    if not isinstance(definition, Mapping) or not definition.get("nodes") or definition.get("start") is not None:
        return []
    roots = roots_of(definition)
    if start_among(roots, definition) is not None:
        return []
    if not roots:
        return [Fault("start", "every node has an incoming edge; name the first one in 'start'")]
    listed = ", ".join(map(repr, roots[:_LISTED])) + (", …" if len(roots) > _LISTED else "")
    return [Fault("start", f"{len(roots)} nodes have no incoming edge ({listed}); name the first one in 'start'")]


_LISTED = 10
"""Nodes that a fault names."""


def edge_id_faults(definition: Any) -> list[Fault]:
    """Edges that share an id, which makes them impossible to tell apart between two versions.

    A rule for new definitions: old ones were saved without it, and stay readable. They may have other faults too.
    """
    ids = Counter(edge["id"] for edge in entries(as_json(definition), "edges") if isinstance(edge.get("id"), str))
    return [
        Fault("edges", f"{count} edges have the id {quoted(edge_id)}") for edge_id, count in ids.items() if count > 1
    ]


def name_faults(definition: Any, before: Any = None) -> list[Fault]:
    """Names of nodes, types, edges and handles with control characters, except those that ``before`` has.

    Also a rule for new definitions.
    """
    faults = [(Fault(path, fault), name) for path, name in _names(definition) if (fault := name_fault(name))]
    known = {name for _, name in _names(before)} if faults and before is not None else set[str]()
    return [fault for fault, name in faults if name not in known]


def _names(definition: Any) -> Iterator[tuple[str, str]]:
    """Every name in a definition, with its path."""
    definition = as_json(definition)
    if isinstance(definition, Mapping) and isinstance(name := definition.get("name"), str):
        yield "name", name
    for kind, keys in _NAMED.items():
        for index, entry in enumerate(entries(definition, kind)):
            for key in keys:
                if isinstance(name := entry.get(key), str):
                    yield f"{kind}[{index}].{key}", name


_NAMED = {"nodes": ("id", "type"), "edges": ("id", "sourceHandle", "source_handle", "label")}
"""What has names, and in which keys. Sources and targets are names of nodes."""


def roots_of(definition: _Part) -> tuple[str, ...]:
    """The ids of the nodes to which no edge leads."""
    targets = set(_targets(edge for edge in entries(definition, "edges") if is_enabled(edge)))
    ids = (node["id"] for node in entries(definition, "nodes") if isinstance(node.get("id"), str))
    return tuple(node_id for node_id in ids if node_id not in targets)


def start_among(roots: tuple[str, ...], definition: _Part) -> str | None:
    """The one root; of several the one to which not even a disabled edge leads: disabling one moves no start."""
    if len(roots) > 1:
        targets = set(_targets(edge for edge in entries(definition, "edges") if not is_enabled(edge)))
        roots = tuple(node_id for node_id in roots if node_id not in targets)
    return roots[0] if len(roots) == 1 else None


def _targets(edges: Iterable[_Part]) -> Iterator[str]:
    return (edge["target"] for edge in edges if isinstance(edge.get("target"), str))


def is_enabled(edge: _Part) -> bool:
    """Whether the edge counts; one that doesn't is kept in the definition, and is as if it weren't there."""
    return edge.get("enabled") is not False


def entries(definition: Any, kind: str) -> list[_Part]:
    """The nodes or edges of what may be no definition: the model reports faults in shape, these rules ignore them."""
    value = definition.get(kind) if isinstance(definition, Mapping) else None
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [item if isinstance(item, Mapping) else {} for item in value]
