"""A definition joined with its executors: all that can be prepared once is prepared here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import Fault, InvalidDefinition, InvalidRequest
from ..expressions import ExpressionLanguage, Template, compile_template, excess_in_definition, excess_in_node
from ..visible import quoted
from ..workflow.definition import Node, WorkflowDefinition
from ..workflow.retry_policy import RetryPolicy, policy_in
from .executors import Executor, ExecutorRegistry, InputSchema


class ValidatedInput(Protocol):
    """Node data after validation: as JSON, and as a model instance where the schema is a model."""

    @property
    def data(self) -> Any: ...
    @property
    def model(self) -> Any: ...


class InputValidator(Protocol):
    """Checks node data against an executor's input schema. Raises InputInvalid."""

    def validate(self, data: Any, node_id: str) -> ValidatedInput: ...


@dataclass(frozen=True, slots=True)
class PlanningDependencies:
    """What planning needs from the infrastructure: an expression language, and a compiler of input schemas."""

    language: ExpressionLanguage
    compile_input: Callable[[InputSchema], InputValidator]


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """A node, ready to run."""

    node: Node
    executor: Executor
    policy: RetryPolicy | None
    template: Template
    validator: InputValidator | None
    routes: Mapping[str | None, str]
    """Handle (None: no handle) → the next node."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A definition, ready to run."""

    definition: WorkflowDefinition
    nodes: Mapping[str, PlannedNode]
    routes: Mapping[str, Mapping[str | None, str]]
    """Node id → handle (None: no handle) → the next node; also of nodes that have no executor."""
    missing: Mapping[str, str] = field(default_factory=dict[str, str])
    """Node id → type, of nodes that have no executor here."""


def make_plan(definition: WorkflowDefinition, executors: ExecutorRegistry, dependencies: PlanningDependencies) -> Plan:
    """The plan of a definition. Raises InvalidDefinition with every unknown type and bad input schema."""
    return _plan(definition, executors, dependencies, _unknown_type)


def plan_known_types(
    definition: WorkflowDefinition, executors: ExecutorRegistry, dependencies: PlanningDependencies
) -> Plan:
    """The same, but nodes whose type has no executor are ``missing``. Raises InvalidDefinition with every bad input
    schema."""
    return _plan(definition, executors, dependencies, lambda *_: None)


def _plan(
    definition: WorkflowDefinition,
    executors: ExecutorRegistry,
    dependencies: PlanningDependencies,
    missing: Callable[[int, str, ExecutorRegistry], Fault | None],
) -> Plan:
    faults: list[Fault | None] = []
    routes: dict[str, dict[str | None, str]] = {node.id: {} for node in definition.nodes}
    for edge in definition.edges:
        routes[edge.source][edge.source_handle] = edge.target
    nodes: dict[str, PlannedNode] = {}
    without: dict[str, str] = {}
    refusal = excess_in_definition(node.data for node in definition.nodes)
    for index, node in enumerate(definition.nodes):
        executor = executors.get(node.type)
        if executor is None:
            faults.append(missing(index, node.type, executors))
            without[node.id] = node.type
            continue
        template = compile_template(node.data, dependencies.language, where=node.id, refusal=refusal)
        policy = policy_in(node.metadata, "metadata") or executor.retry
        validator = None
        try:
            validator = None if executor.input is None else dependencies.compile_input(executor.input)
        except InvalidRequest as error:
            faults.append(Fault(f"nodes[{index}].type", f"the input schema of executor {quoted(node.type)}: {error}"))
        nodes[node.id] = PlannedNode(node, executor, policy, template, validator, routes[node.id])
    if found := [fault for fault in faults if fault is not None]:
        raise InvalidDefinition(found)
    return Plan(definition, nodes, routes, without)


def expression_faults(definition: WorkflowDefinition) -> list[Fault]:
    """Where a definition has more expressions than may be saved. Older ones that do stay readable; their steps fail."""
    found = [
        Fault(f"nodes[{index}].data", excess)
        for index, node in enumerate(definition.nodes)
        if (excess := excess_in_node(node.data)) is not None
    ]
    excess = excess_in_definition(node.data for node in definition.nodes)
    return found if excess is None else [*found, Fault("nodes", excess)]


def unknown_types(nodes: Any, executors: ExecutorRegistry) -> list[Fault]:
    """The faults of node types without an executor, in a definition that may have other faults too."""
    listed = nodes if isinstance(nodes, list | tuple) else []
    types = [(index, node.get("type")) for index, node in enumerate(listed) if isinstance(node, Mapping)]
    return [_unknown_type(at, type, executors) for at, type in types if isinstance(type, str) and type not in executors]


def _unknown_type(index: int, type: str, executors: ExecutorRegistry) -> Fault:
    known = ", ".join(sorted(repr(executor.type) for executor in executors))
    known = f"registered: {known}" if known else "none is registered at all"
    return Fault(f"nodes[{index}].type", f"no executor is registered for type {quoted(type)}; {known}")
