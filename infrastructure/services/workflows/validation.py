"""Validating definitions before they are saved, with every fault reported at once."""

import logging
from collections.abc import Mapping
from typing import Any

from ....domain.errors import InvalidDefinition
from ....domain.execution.executors import ExecutorRegistry
from ....domain.execution.plan import Plan, expression_faults, make_plan, unknown_types
from ....domain.workflow.definition import WorkflowDefinition
from ....domain.workflow.graph_faults import edge_id_faults, name_faults, size_faults, start_faults
from ...execution.expressions.dependencies import PLANNING_DEPENDENCIES


def validate_definition(
    definition: WorkflowDefinition | Mapping[str, Any], executors: ExecutorRegistry | None
) -> WorkflowDefinition:
    """The definition, valid to be saved and run.

    Raises InvalidDefinition with the faults of graph, start and types, and the places with too many expressions.
    """
    try:
        definition = WorkflowDefinition.model_validate(definition)
    except InvalidDefinition as error:
        if size_faults(definition):
            raise
        nodes = definition.get("nodes") if isinstance(definition, Mapping) else None
        unknown = unknown_types(nodes, executors) if executors is not None else []
        also = [*edge_id_faults(definition), *name_faults(definition), *start_faults(definition), *unknown]
        raise InvalidDefinition([*error.faults, *also]) from None
    faults = edge_id_faults(definition) + start_faults(definition) + expression_faults(definition)
    if executors is not None:
        try:
            _warn_of_expressions(make_plan(definition, executors, PLANNING_DEPENDENCIES))
        except InvalidDefinition as error:
            faults += error.faults
    if faults:
        raise InvalidDefinition([*faults, *name_faults(definition)])
    return definition


def refuse_new_names(definition: WorkflowDefinition, saved: Mapping[str, Any] | None) -> None:
    """Raises InvalidDefinition for names with control characters, except those that the last save has already."""
    faults = name_faults(definition, None if saved is None else saved["definition"])
    if faults:
        raise InvalidDefinition(faults)


_log = logging.getLogger("flowledger.workflows")


def _warn_of_expressions(plan: Plan) -> None:
    """A faulty expression fails the step that needs it, not the save; the author of the save is warned."""
    for node_id, planned in plan.nodes.items():
        for fault in planned.template.faults:
            _log.warning("node %r will fail when it runs: %s", node_id, fault)
        for condition in planned.routes.conditions():
            if condition.fault is not None:
                _log.warning("the run will fail behind node %r: %s: %s", node_id, condition.label, condition.fault)
