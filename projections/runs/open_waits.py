"""Open waits of all runs, as a list shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...domain.run.waits import Wait
from ...domain.values.json import refreeze, restore
from ..index.rows import WaitRow


@dataclass(frozen=True, slots=True)
class WaitSummary:
    """A question of some run that nobody has answered yet."""

    id: str
    """``runs.resume(run_id, payload, wait=id)`` answers it."""
    run_id: str
    work_order_id: str
    workflow_id: str
    workflow_version: int
    node_id: str
    reason: str | None
    """What is asked, in the words of the executor."""
    asked_at: datetime
    until: datetime | None
    """The deadline, where it has one."""
    answer: Mapping[str, Any] | None = field(hash=False)
    """The JSON Schema that an answer must fit; None: it may be any JSON."""
    version: int
    """Of the run, at which it asked."""
    held: bool
    """Whether an operator holds the run: then it takes no answer until it is released."""
    by: str
    """Who started the run."""

    def __setstate__(self, state: list[Any]) -> None:
        restore(self, state, "answer")


def wait_summary(row: WaitRow, wait: Wait) -> WaitSummary:
    return WaitSummary(
        id=wait.id,
        run_id=row.run_id,
        work_order_id=row.work_order_id,
        workflow_id=row.workflow_id,
        workflow_version=row.workflow_version,
        node_id=wait.node_id,
        reason=wait.reason,
        asked_at=wait.asked_at,
        until=wait.until,
        answer=None if wait.answer is None else refreeze(wait.answer),
        version=wait.version,
        held=row.held,
        by=row.by,
    )
