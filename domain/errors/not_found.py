"""What the caller asked for by name doesn't exist."""

from datetime import datetime
from typing import NamedTuple

from ..visible import quoted, visible
from .base import NotFound


class WorkflowNotFound(NotFound):
    """No workflow was ever saved under this id."""

    def __init__(self, workflow_id: str) -> None:
        self.workflow_id = workflow_id
        hint = "check the id, or save a definition under it"
        if "@" in workflow_id:
            hint = "no id has an '@': name the version by itself, as version=…"
        super().__init__(f"no workflow {quoted(workflow_id)} in this store: {hint}")


class WorkOrderNotFound(NotFound):
    """No work order has this id in this store."""

    def __init__(self, work_order_id: str) -> None:
        self.work_order_id = work_order_id
        super().__init__(
            f"no work order {quoted(work_order_id)} in this store: check the id, and that this is its store"
        )


class RunNotFound(NotFound):
    """No run has this id in this store."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            f"no run {quoted(run_id)} in this store: check the id, and that this is the store it was started in"
        )


class Removal(NamedTuple):
    """What the record of a removal says."""

    at: datetime
    by: str
    archive: str | None
    """The folder where it was written before."""

    def __str__(self) -> str:
        where = "it wasn't archived" if self.archive is None else f"its archive is in {self.archive}"
        return f"was removed under a retention policy at {self.at.isoformat()} by {self.by}; {where}"


class RunRemoved(RunNotFound):
    """The run was here, and was removed under a retention policy."""

    def __init__(self, run_id: str, removal: Removal) -> None:
        self.run_id = run_id
        self.removal = removal
        NotFound.__init__(self, f"run {quoted(run_id)} {visible(str(removal))}")


class WorkOrderRemoved(WorkOrderNotFound):
    """The work order was here, and was removed under a retention policy. It doesn't begin anew with its key."""

    def __init__(self, work_order_id: str, removal: Removal) -> None:
        self.work_order_id = work_order_id
        self.removal = removal
        NotFound.__init__(
            self,
            f"work order {quoted(work_order_id)} {visible(str(removal))}; to begin another one, give another "
            "idempotency key",
        )


class WorkflowRemoved(WorkflowNotFound):
    """The workflow was here, archived, and was removed under a retention policy with all its versions."""

    def __init__(self, workflow_id: str, removal: Removal) -> None:
        self.workflow_id = workflow_id
        self.removal = removal
        NotFound.__init__(
            self,
            f"workflow {quoted(workflow_id)} {visible(str(removal))}; its id isn't used again: save under another one",
        )


class BulkActionNotFound(NotFound):
    """No bulk action has this id in this store."""

    def __init__(self, bulk_id: str) -> None:
        self.bulk_id = bulk_id
        super().__init__(f"no bulk action {quoted(bulk_id)} in this store: ledger.bulk.list() has all that there are")


class VersionNotFound(NotFound):
    """The stream has no such version, or the workflow no such snapshot id; versions run from 1 to ``head``."""

    def __init__(self, asked: int | str, head: int, subject: str = "stream") -> None:
        self.asked = asked
        self.head = head
        what = f"snapshot id {quoted(asked)}" if isinstance(asked, str) else f"version {quoted(asked)}"
        hint = f"its versions are 1 to {head}"
        if asked == "live":
            what, hint = "live version", "all of its saves are drafts; release the one that runs are to start with"
        super().__init__(f"{visible(subject)} has no {what}: {hint}")


class NothingAsOf(NotFound):
    """The stream began after the requested moment."""

    def __init__(self, asked: datetime, first: datetime, subject: str = "stream") -> None:
        self.asked = asked
        self.first = first
        super().__init__(f"{visible(subject)} did not exist as of {asked.isoformat()}: it began at {first.isoformat()}")
