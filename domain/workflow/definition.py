"""Workflow definitions: nodes, edges, and the rules that a graph must keep to be run."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from ..errors import Fault, InvalidDefinition, InvalidValue
from ..lazy import lazy
from ..values.json import freeze, refreeze, render_path
from ..values.json_compare import json_digest
from .graph_faults import graph_faults, roots_of, size_faults, start_among
from .timeout import why_no_timeout


def _json(value: Any) -> Any:
    try:
        return freeze(value, "data")
    except InvalidValue as error:
        raise ValueError(str(error)) from None


def _seconds(value: Any) -> Any:
    if (fault := why_no_timeout(value)) is not None:
        raise ValueError(fault)
    return value


_Name = Annotated[str, Field(min_length=1), AfterValidator(_json)]
_Text = Annotated[str, AfterValidator(_json)]
_Json = Annotated[Any, AfterValidator(_json)]
_Metadata = Annotated[Mapping[str, Any] | None, AfterValidator(_json)]
_Seconds = Annotated[float | None, PlainValidator(_seconds, json_schema_input_type=float | None)]


class _DefinitionPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True, ignored_types=(lazy,))

    def to_data(self) -> dict[str, Any]:
        """The JSON object with exactly the keys that are set, named as in the source documents."""
        named = type(self).model_fields
        return {named[name].alias or name: getattr(self, name) for name in named if name in self.model_fields_set}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._freeze_again()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        copied = super().__deepcopy__(memo)
        copied._freeze_again()
        return copied

    def _freeze_again(self) -> None:
        for name in ("data", "metadata", "retry"):
            if name in type(self).model_fields:
                object.__setattr__(self, name, refreeze(getattr(self, name)))


class Node(_DefinitionPart):
    """One step of a workflow."""

    id: _Name
    type: _Name
    """Which executor runs it."""
    data: _Json = Field(default_factory=lambda: freeze({}))
    """Its input; strings in it may hold ``{{ expressions }}``. Any JSON value."""
    retry: _Metadata = None
    """When it is tried again, in place of the executor's policy: ``{"maxRetries": 3, "interval": 1.0}``."""
    timeout: _Seconds = None
    """Seconds that one attempt may take, in place of the executor's timeout."""
    expressions: bool = True
    """Whether ``{{ … }}`` in the data is evaluated; False where braces belong to another language."""
    metadata: _Metadata = None
    """Anything callers keep here, such as a place on a canvas; ``metadata.retry`` is the older name of ``retry``."""
    code: _Text | None = None
    """Source text of the job, where the job is text."""


class Edge(_DefinitionPart):
    """Where to go from ``source``: by default, or when its executor returns ``source_handle``, or when it has failed.

    Several edges may leave by one handle, or on failure, where all but the last have a condition: the first whose
    condition is true is taken, in the order of the definition.
    """

    id: _Text | None = None
    source: _Text
    target: _Text
    source_handle: _Text | None = Field(default=None, alias="sourceHandle")
    on: Literal["success", "failure"] = "success"
    """``failure``: taken when the node has failed for good, after its retries."""
    when: _Name | None = None
    """An expression, with or without ``{{ }}``, that must be true for the edge to be taken."""
    label: _Text | None = None
    """What people call it."""
    enabled: bool = True
    """False: as if the edge weren't there."""
    metadata: _Metadata = None
    """Anything callers keep here."""


class WorkflowDefinition(_DefinitionPart):
    """A validated graph, immutable. ``model_validate`` raises InvalidDefinition with every fault in ``.faults``."""

    nodes: Annotated[tuple[Node, ...], Field(strict=False)]
    edges: Annotated[tuple[Edge, ...], Field(strict=False)] = ()
    start: _Text | None = None
    """The first node; by default the one node without incoming edges. None when there is no such node, or several.

    Where an edge was disabled, the node that it led to is no start by that alone.
    """
    name: _Text | None = None
    """What people call it."""
    description: _Text | None = None
    """What it is for."""
    metadata: _Metadata = None
    """Anything callers keep here, such as the view of an editor."""

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
                Fault(render_path(item["loc"])[1:] or "definition", _message(item["type"], item["loc"], item["msg"]))
                for item in error.errors()
            ]
        faults += graph_faults(value)
        if faults or definition is None:
            raise InvalidDefinition(faults)
        if definition.start is None and (start := start_among(definition.roots, definition.to_data())) is not None:
            object.__setattr__(definition, "start", start)
        return definition

    @lazy
    def roots(self) -> tuple[str, ...]:
        """The ids of the nodes without incoming edges."""
        return roots_of(self.to_data())

    def to_data(self) -> dict[str, Any]:
        data = super().to_data()
        data["nodes"] = [node.to_data() for node in self.nodes]
        data["edges"] = [edge.to_data() for edge in self.edges]
        if self.start is None:
            data.pop("start", None)
        return {key: data[key] for key in _ORDER if key in data}

    @lazy
    def digest(self) -> str:
        """SHA-256 (hex) of the definition's canonical JSON: equal definitions have equal digests."""
        return json_digest(self.to_data())


_ORDER = ("name", "description", "nodes", "edges", "start", "metadata")
"""The keys of a definition as it is written."""

STORED = {"stored": True}
"""The context of ``model_validate`` for stored definitions: they were saved by the rules of their time."""


def _message(type: str, path: tuple[str | int, ...], message: str) -> str:
    if type != "extra_forbidden":
        return message.removeprefix("Value error, ")
    owner = (
        {"nodes": "a node", "edges": "an edge"}.get(str(path[0]), "a definition") if len(path) > 1 else "a definition"
    )
    place = render_path((*path[:-1], "metadata"))[1:]
    return f"is no key of {owner}; keep what is yours under {place}"
