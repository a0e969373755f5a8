"""Open waits of all runs, as a list shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...domain.run.waits import OpenWait, wait_id
from ...domain.values.clock import moment
from ...domain.values.json import reduce, refreeze
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

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce(self, "answer")


def wait_summary(row: WaitRow, asked: OpenWait) -> WaitSummary:
    until, answer = asked.get("until"), asked.get("answer")
    # In the order of its fields: by their names it would take half as long again, and a page has many.
    return WaitSummary(
        wait_id(row.run_id, row.workflow_id, asked["version"]),
        row.run_id,
        row.work_order_id,
        row.workflow_id,
        row.workflow_version,
        asked["node_id"],
        asked.get("reason"),
        moment(asked["asked_at"]),
        None if until is None else moment(until),
        None if answer is None else refreeze(answer),
        asked["version"],
        row.held,
        row.by,
    )
