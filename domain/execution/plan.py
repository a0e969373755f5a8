"""A definition joined with its executors: all that can be prepared once is prepared here."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import Fault, InvalidDefinition, InvalidRequest
from ..expressions import (
    ExpressionLanguage,
    Template,
    compile_template,
    excess_in_definition,
    excess_in_node,
    source_in,
    verbatim,
)
from ..visible import quoted
from ..workflow.definition import Node, WorkflowDefinition
from ..workflow.loops import Loops
from ..workflow.retry_policy import RetryPolicy, policy_of
from ..workflow.routes import routes_of
from .executors import Executor, ExecutorRegistry, InputSchema
from .routing import PlannedRoutes, plan_routes


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
    """What planning needs from the infrastructure: an expression language, and compilers of schemas."""

    language: ExpressionLanguage
    compile_input: Callable[[InputSchema], InputValidator]
    compile_answer: Callable[[Mapping[str, Any]], object]
    """Of the JSON Schema that an executor asks with. Raises InvalidRequest for one that can't be used."""


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """A node, ready to run."""

    node: Node
    executor: Executor
    policy: RetryPolicy | None
    timeout: float | None
    """Seconds that one attempt may take; None: as long as it takes."""
    template: Template
    validator: InputValidator | None
    routes: PlannedRoutes
    compile_answer: Callable[[Mapping[str, Any]], object]
    """Raises InvalidRequest for a JSON Schema that no answer could be checked by."""
    loops: Loops
    """Of its definition."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A definition, ready to run."""

    definition: WorkflowDefinition
    nodes: Mapping[str, PlannedNode]
    routes: Mapping[str, PlannedRoutes]
    """By node id; also of nodes that have no executor."""
    loops: Loops
    missing: Mapping[str, str] = field(default_factory=dict[str, str])
    """Node id → type, of nodes that have no executor here."""
    _readers: dict[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]], compare=False)

    def reachable(self, start: str) -> list[str]:
        """The nodes that a run which goes on at this node may come to, nearest first, itself included."""
        ahead, seen, found = deque([start]), {start}, list[str]()
        while ahead:
            node_id = ahead.popleft()
            found.append(node_id)
            following = set(self.routes[node_id].targets() if node_id in self.routes else ()) - seen
            seen |= following
            ahead += sorted(following)
        return found

    def readers_of_globals(self, start: str) -> Mapping[str, str]:
        """The names of globals without which a run that goes on at this node may come to a step that fails → a node
        that reads each. The nodes are those that the run may come to.
        """
        readers = self._readers.get(start)
        if readers is None:
            readers = self._readers[start] = self._find_readers(start)
        return readers

    def _find_readers(self, start: str) -> Mapping[str, str]:
        readers: dict[str, str] = {}
        if any(self._required_by(node_id) for node_id in self.routes):
            for node_id in self.reachable(start):
                for name in self._required_by(node_id):
                    readers.setdefault(name, node_id)
        return readers

    def _required_by(self, node_id: str) -> frozenset[str]:
        """The globals without which the node's data, or the condition of an edge from it, has no value."""
        planned = self.nodes.get(node_id)
        if planned is None:
            return frozenset()
        by_conditions = (condition.required_globals for condition in planned.routes.conditions())
        return planned.template.required_globals.union(*by_conditions)


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
    nodes: dict[str, PlannedNode] = {}
    loops = Loops(definition)
    without: dict[str, str] = {}
    refusal = excess_in_definition(_texts_with_expressions(definition))
    leaving = routes_of(definition)
    routes = {node.id: plan_routes(node, leaving[node.id], dependencies.language, refusal) for node in definition.nodes}
    for index, node in enumerate(definition.nodes):
        executor = executors.get(node.type)
        if executor is None:
            faults.append(missing(index, node.type, executors))
            without[node.id] = node.type
            continue
        template = (
            compile_template(node.data, dependencies.language, where=node.id, refusal=refusal)
            if node.expressions
            else verbatim(node.data)
        )
        policy = policy_of(node.to_data(), f"nodes[{index}]") or executor.retry
        timeout = executor.timeout if node.timeout is None else node.timeout
        validator = None
        try:
            validator = None if executor.input is None else dependencies.compile_input(executor.input)
        except InvalidRequest as error:
            faults.append(Fault(f"nodes[{index}].type", f"the input schema of executor {quoted(node.type)}: {error}"))
        nodes[node.id] = PlannedNode(
            node, executor, policy, timeout, template, validator, routes[node.id], dependencies.compile_answer, loops
        )
    if found := [fault for fault in faults if fault is not None]:
        raise InvalidDefinition(found)
    return Plan(definition, nodes, routes, loops, without)


def expression_faults(definition: WorkflowDefinition) -> list[Fault]:
    """Where a definition has more expressions than may be saved. Older ones that do stay readable; their steps fail."""
    found = [
        Fault(f"nodes[{index}].data", excess)
        for index, node in enumerate(definition.nodes)
        if node.expressions and (excess := excess_in_node(node.data)) is not None
    ]
    excess = excess_in_definition(_texts_with_expressions(definition))
    return found if excess is None else [*found, Fault("nodes", excess)]


def _texts_with_expressions(definition: WorkflowDefinition) -> Iterator[Any]:
    """The data and the conditions of a definition, as far as they are compiled."""
    yield from (node.data for node in definition.nodes if node.expressions)
    yield from (
        f"{{{{{source_in(edge.when)}}}}}" for edge in definition.edges if edge.enabled and edge.when is not None
    )


def unknown_types(nodes: Any, executors: ExecutorRegistry) -> list[Fault]:
    """The faults of node types without an executor, in a definition that may have other faults too."""
    listed = nodes if isinstance(nodes, list | tuple) else []
    types = [(index, node.get("type")) for index, node in enumerate(listed) if isinstance(node, Mapping)]
    return [_unknown_type(at, type, executors) for at, type in types if isinstance(type, str) and type not in executors]


def _unknown_type(index: int, type: str, executors: ExecutorRegistry) -> Fault:
    known = ", ".join(sorted(repr(executor.type) for executor in executors))
    known = f"registered: {known}" if known else "none is registered at all"
    return Fault(f"nodes[{index}].type", f"no executor is registered for type {quoted(type)}; {known}")
