"""What the workflows of a ledger start with, as far as this process has read it."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ....domain.execution.plan import Plan
from ....domain.execution.step_loop import CallSettings
from ....domain.ports import Guard
from ....domain.workflow import JobCode
from ...execution.source_code import KnownCode, known_code
from .call_globals import refuse_missing

KNOWN_STARTS: Final = 1000
"""Of so many workflows this process knows what they start with."""


class Runnable(NamedTuple):
    """One version of a workflow, joined with this ledger's executors."""

    workflow_id: str
    version: int
    digest: str
    saved_code: Mapping[str, JobCode]
    """By node type, as it was at the save."""
    plan: Plan
    guard: Guard | None = None
    """On which condition a run may start with it: since it was read, another version may have been saved, or all of it
    removed. None where the store knows no conditions."""

    @property
    def known_code(self) -> KnownCode:
        """The code that was saved."""
        return known_code(self.saved_code)

    def refuse_missing_globals(self, node_id: str | None, settings: CallSettings) -> None:
        """Raises GlobalsMissing where a run of it that goes on at this node may come to one that reads others."""
        refuse_missing(self.plan, (self.workflow_id, self.version), node_id, settings.globals)


class KnownStarts:
    """The live version of each workflow, as it was when it was read last.

    Anybody may save another one at any moment, so it is never believed: what is decided by it is appended only while
    the workflow's stream still ends as it did.
    """

    def __init__(self) -> None:
        self._known: dict[str, Runnable] = {}

    def get(self, workflow_id: str) -> Runnable | None:
        return self._known.get(workflow_id)

    def remember(self, runnable: Runnable) -> None:
        while len(self._known) >= KNOWN_STARTS:
            self._known.pop(next(iter(self._known), runnable.workflow_id), None)
        self._known[runnable.workflow_id] = runnable
