"""Workflow definitions: nodes, edges, and the rules that a graph must keep to be run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from ..errors import Fault, InvalidDefinition, InvalidValue
from ..lazy import lazy
from ..values.json import freeze, refreeze, render_path
from ..values.json_compare import json_digest
from ..values.names import name_fault
from ..visible import quoted
from .retry_policy import policy_in


def _json(value: Any) -> Any:
    try:
        return freeze(value, "data")
    except InvalidValue as error:
        raise ValueError(str(error)) from None


_Name = Annotated[str, Field(min_length=1), AfterValidator(_json)]
_Text = Annotated[str, AfterValidator(_json)]
_Json = Annotated[Any, AfterValidator(_json)]


class _DefinitionPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True, ignored_types=(lazy,))

    def to_data(self) -> dict[str, Any]:
        """The JSON object with exactly the keys that are set, named as in the source documents."""
        named = type(self).model_fields
        return {named[name].alias or name: getattr(self, name) for name in named if name in self.model_fields_set}


class Node(_DefinitionPart):
    """One step of a workflow."""

    id: _Name
    type: _Name
    """Which executor runs it."""
    data: _Json = Field(default_factory=lambda: freeze({}))
    """Its input; strings in it may hold ``{{ expressions }}``. Any JSON value."""
    metadata: Annotated[Mapping[str, Any] | None, AfterValidator(_json)] = None
    """Anything callers keep here, such as a place on a canvas; ``metadata.retry`` overrides the executor's policy."""
    code: _Text | None = None
    """Source text of the job, where the job is text."""

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._freeze_again()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        copied = super().__deepcopy__(memo)
        copied._freeze_again()
        return copied

    def _freeze_again(self) -> None:
        for name in ("data", "metadata"):
            object.__setattr__(self, name, refreeze(getattr(self, name)))


class Edge(_DefinitionPart):
    """Where to go from ``source``: by default, or when its executor returns ``source_handle``."""

    id: _Text | None = None
    source: _Text
    target: _Text
    source_handle: _Text | None = Field(default=None, alias="sourceHandle")


class WorkflowDefinition(_DefinitionPart):
    """A validated graph, immutable. ``model_validate`` raises InvalidDefinition with every fault in ``.faults``."""

    nodes: Annotated[tuple[Node, ...], Field(strict=False)]
    edges: Annotated[tuple[Edge, ...], Field(strict=False)] = ()
    start: _Text | None = None
    """The first node; by default the one node without incoming edges. None when there is no such node, or several."""

    @model_validator(mode="wrap")
    @classmethod
    def _with_every_fault(cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        faults = [] if info.context == STORED else size_faults(value)
        if faults:
            raise InvalidDefinition(faults)
        definition = None
        try:
            definition = handler(value)
        except ValidationError as error:
            faults += [
                Fault(render_path(item["loc"])[1:] or "definition", item["msg"].removeprefix("Value error, "))
                for item in error.errors()
            ]
        raw = value.to_data() if isinstance(value, WorkflowDefinition) else value
        if isinstance(raw, Mapping):
            faults += _graph_faults(_entries(raw.get("nodes")), _entries(raw.get("edges")), raw.get("start"))
        if faults or definition is None:
            raise InvalidDefinition(faults)
        if definition.start is None and len(definition.roots) == 1:
            object.__setattr__(definition, "start", definition.roots[0])
        return definition

    @lazy
    def roots(self) -> tuple[str, ...]:
        """The ids of the nodes without incoming edges."""
        return _roots([node.to_data() for node in self.nodes], [edge.to_data() for edge in self.edges])

    def to_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "nodes": [node.to_data() for node in self.nodes],
            "edges": [edge.to_data() for edge in self.edges],
        }
        if self.start is not None and "start" in self.model_fields_set:
            data["start"] = self.start
        return data

    @lazy
    def digest(self) -> str:
        """SHA-256 (hex) of the definition's canonical JSON: equal definitions have equal digests."""
        return json_digest(self.to_data())


MAX_PARTS = 100_000
"""Nodes, and edges, of a definition that is handed in."""

STORED = {"stored": True}
"""The context of ``model_validate`` for stored definitions: they were saved by the rules of their time."""


def size_faults(value: Any) -> list[Fault]:
    """A fault for too many nodes or edges; they are then not checked one by one."""
    parts = {key: value.get(key) for key in ("nodes", "edges")} if isinstance(value, Mapping) else {}
    counts = {key: len(those) for key, those in parts.items() if isinstance(those, list | tuple)}
    return [
        Fault(key, f"there are {count:,}, the limit is {MAX_PARTS:,}: make several workflows of it")
        for key, count in counts.items()
        if count > MAX_PARTS
    ]


def start_faults(definition: Any) -> list[Fault]:
    """What is wrong where a start node is needed and none was named; the definition may have other faults too."""
    if isinstance(definition, WorkflowDefinition):
        return [] if definition.start is not None else _start_faults(definition.roots)
    if not isinstance(definition, Mapping) or not definition.get("nodes") or definition.get("start") is not None:
        return []
    return _start_faults(_roots(_entries(definition.get("nodes")), _entries(definition.get("edges"))))


def edge_id_faults(definition: Any) -> list[Fault]:
    """Edges that share an id, which makes them impossible to tell apart between two versions.

    A rule for new definitions: old ones were saved without it, and stay readable. They may have other faults too.
    """
    raw = definition.to_data() if isinstance(definition, WorkflowDefinition) else definition
    edges = _entries(raw.get("edges")) if isinstance(raw, Mapping) else []
    ids = Counter(edge["id"] for edge in edges if isinstance(edge.get("id"), str))
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


def _names(definition: Any) -> list[tuple[str, str]]:
    """Every name in a definition, with its path."""
    raw = definition.to_data() if isinstance(definition, WorkflowDefinition) else definition
    listed = [(kind, _entries(raw.get(kind)) if isinstance(raw, Mapping) else []) for kind in _NAMED]
    return [
        (f"{kind}[{index}].{key}", name)
        for kind, entries in listed
        for index, entry in enumerate(entries)
        for key in _NAMED[kind]
        if isinstance(name := entry.get(key), str)
    ]


_NAMED = {"nodes": ("id", "type"), "edges": ("id", "sourceHandle", "source_handle")}
"""What has names, and in which keys. Sources and targets are names of nodes."""


def _start_faults(roots: tuple[str, ...]) -> list[Fault]:
    if len(roots) == 1:
        return []
    if not roots:
        return [Fault("start", "every node has an incoming edge; name the first one in 'start'")]
    listed = ", ".join(map(repr, roots[:_LISTED])) + (", …" if len(roots) > _LISTED else "")
    return [Fault("start", f"{len(roots)} nodes have no incoming edge ({listed}); name the first one in 'start'")]


_LISTED = 10
"""Nodes that a fault names."""


def _roots(nodes: list[Mapping[str, Any]], edges: list[Mapping[str, Any]]) -> tuple[str, ...]:
    targets = {edge["target"] for edge in edges if isinstance(edge.get("target"), str)}
    return tuple(node["id"] for node in nodes if isinstance(node.get("id"), str) and node["id"] not in targets)


def _entries(value: Any) -> list[Mapping[str, Any]]:
    """The entries of what may be no list: the model reports faults in shape, the graph rules ignore them."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [
        item.to_data() if isinstance(item, _DefinitionPart) else item if isinstance(item, Mapping) else {}
        for item in value
    ]


def _graph_faults(nodes: list[Mapping[str, Any]], edges: list[Mapping[str, Any]], start: Any) -> list[Fault]:
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
    taken: dict[tuple[str, str | None], int] = {}
    for index, edge in enumerate(edges):
        for end in ("source", "target"):
            if isinstance(edge.get(end), str) and edge[end] not in known:
                faults.append(Fault(f"edges[{index}].{end}", f"there is no node {quoted(edge[end])}"))
        handle = edge.get("sourceHandle", edge.get("source_handle"))
        if isinstance(edge.get("source"), str) and isinstance(handle, str | None):
            first = taken.setdefault((edge["source"], handle), index)
            if first != index:
                label = f"the handle {quoted(handle)}" if handle is not None else "no handle"
                faults.append(
                    Fault(f"edges[{index}]", f"leaves node {quoted(edge['source'])} by {label}, as edges[{first}] does")
                )
    for index, node in enumerate(nodes):
        try:
            policy_in(node.get("metadata"), f"nodes[{index}].metadata")
        except InvalidDefinition as error:
            faults += error.faults
    if isinstance(start, str) and start not in known:
        faults.append(Fault("start", f"there is no node {quoted(start)}"))
    return faults
