"""Which archived workflows go under a policy, by the index; and what keeps the others."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ....domain.retention import RetentionPolicy, WorkflowKeptReason, WorkflowToKeep, why_workflow_kept
from ....domain.values.clock import micros
from ....domain.values.ids import workflow_stream
from ....projections.retention import KeptWorkflows, words_of_workflows
from ...queries.index.orders import orders_by_workflow

if TYPE_CHECKING:
    from ....projections.index.rows import WorkflowRow
    from ...queries.index.reader import Index
    from ...storage.event_store import LedgerEventStore

_ROWS: Final = 500


@dataclass(slots=True)
class WorkflowSelection:
    """Which workflows go, and how many stay."""

    going: list[str] = field(default_factory=list[str])
    kept: Counter[WorkflowKeptReason] = field(default_factory=Counter["WorkflowKeptReason"])
    examples: dict[WorkflowKeptReason, str] = field(default_factory=dict["WorkflowKeptReason", str])

    def keep(self, workflow_id: str, reason: WorkflowKeptReason) -> None:
        self.kept[reason] += 1
        self.examples.setdefault(reason, workflow_id)

    def take_back(self, workflow_id: str) -> None:
        """Let one stay that was to go."""
        self.going.remove(workflow_id)
        self.keep(workflow_id, "changed")

    def told(self) -> tuple[KeptWorkflows, ...]:
        """Why the others stay."""
        return tuple(
            KeptWorkflows(reason, words_of_workflows(reason), count, self.examples[reason])
            for reason, count in sorted(self.kept.items())
        )


def select_workflows(
    store: "LedgerEventStore", index: "Index", policy: RetentionPolicy, going: Mapping[str, int], now: int
) -> WorkflowSelection:
    """Decide on all workflows that the policy is about; none where it is about none.

    ``going``: of workflows, how many work orders go before, and are there still.
    """
    found = WorkflowSelection()
    if not policy.archived_workflows:
        return found
    after: str | None = None
    while rows := index.workflows(after, _ROWS, archived=True):
        after = rows[-1].workflow_id
        if policy.workflow_id is not None:
            rows = [row for row in rows if row.workflow_id == policy.workflow_id]
        orders = orders_by_workflow(index, [row.workflow_id for row in rows if row.archived])
        for row in rows:
            id = row.workflow_id
            left = orders.get(id, 0) - going.get(id, 0)
            why = why_workflow_kept(policy, WorkflowToKeep(id, row.archived, left, _changed_at(store, row)), now)
            if why is None:
                found.going.append(id)
            else:
                found.keep(id, why)
    return found


def _changed_at(store: "LedgerEventStore", row: "WorkflowRow") -> int:
    """When something happened to it last, which its row doesn't say of what was archived."""
    last = store.last_of(workflow_stream(row.workflow_id)) if row.archived else None
    return row.taken_at if last is None else micros(last.recorded_at)
