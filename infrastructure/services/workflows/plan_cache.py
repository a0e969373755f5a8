"""Plans: saved versions joined with the executors of a ledger."""

from collections.abc import Callable

from ....domain.execution.executors import ExecutorRegistry
from ....domain.execution.plan import Plan, plan_known_types
from ....domain.workflow.definition import WorkflowDefinition
from ...execution.expressions.dependencies import PLANNING_DEPENDENCIES


class PlanCache:
    """Caches the plans of a ledger, as neither a saved definition nor the ledger's executors ever change.

    The one exception: a store that lost its newest saves may hold others as the same versions. So the key includes the
    digest of the definition.
    """

    def __init__(self, executors: ExecutorRegistry | None) -> None:
        self._executors = executors or ExecutorRegistry()
        self._plans: dict[tuple[str, int, str], Plan] = {}

    def get(self, workflow_id: str, version: int, digest: str, definition: Callable[[], WorkflowDefinition]) -> Plan:
        """The plan of a version, whose definition has this digest; it says which of its nodes have no executor.

        Raises InvalidDefinition for a bad input schema of an executor.
        """
        key = (workflow_id, version, digest)
        plan = self._plans.get(key)
        if plan is None:
            plan = plan_known_types(definition(), self._executors, PLANNING_DEPENDENCIES)
            while len(self._plans) >= _CACHED_PLANS:
                self._plans.pop(next(iter(self._plans), key), None)
            self._plans[key] = plan
        return plan


_CACHED_PLANS = 1000
