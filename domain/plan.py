"""A definition joined with the executors that run it: everything that can be prepared once is prepared here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .definition import Node, WorkflowDefinition
from .errors import Fault, InvalidDefinition, InvalidRequest
from .executors import Executor, ExecutorRegistry, InputSchema
from .expressions import ExpressionLanguage, Template, compile_template
from .policy import RetryPolicy, policy_from_json


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
class Toolbox:
    """What planning needs from outside: a language for expressions, and a compiler of input schemas."""

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


def make_plan(definition: WorkflowDefinition, executors: ExecutorRegistry, toolbox: Toolbox) -> Plan:
    """Raises InvalidDefinition with every unknown type, bad retry policy and bad input schema."""
    faults: list[Fault] = []
    routes: dict[str, dict[str | None, str]] = {node.id: {} for node in definition.nodes}
    for edge in definition.edges:
        routes[edge.source][edge.source_handle] = edge.target
    nodes: dict[str, PlannedNode] = {}
    for index, node in enumerate(definition.nodes):
        executor = executors.get(node.type)
        if executor is None:
            faults.append(Fault(f"nodes[{index}].type", _unknown_type(node.type, executors)))
            continue
        template = compile_template(node.data, toolbox.language, where=node.id)
        policy, validator = executor.retry, None
        try:
            policy = node_policy(node, index) or executor.retry
            validator = None if executor.input is None else toolbox.compile_input(executor.input)
        except InvalidDefinition as error:
            faults += error.faults
        except InvalidRequest as error:
            faults.append(Fault(f"nodes[{index}].type", f"the input schema of executor {node.type!r}: {error}"))
        nodes[node.id] = PlannedNode(node, executor, policy, template, validator, routes[node.id])
    if faults:
        raise InvalidDefinition(faults)
    return Plan(definition, nodes)


def node_policy(node: Node, index: int) -> RetryPolicy | None:
    """The policy in a node's ``metadata.retry``, which overrides its executor's. Raises InvalidDefinition."""
    if node.metadata is None or "retry" not in node.metadata:
        return None
    return policy_from_json(node.metadata["retry"], f"nodes[{index}].metadata.retry")


def _unknown_type(type: str, executors: ExecutorRegistry) -> str:
    known = ", ".join(sorted(repr(executor.type) for executor in executors))
    return f"no executor is registered for type {type!r}; " + (
        f"registered: {known}" if known else "none is registered at all"
    )
