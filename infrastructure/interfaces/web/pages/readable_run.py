"""A run as far as it can be read, with what is known of it besides its events."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .....domain.errors import EventNotReadable, NotFound
from .....domain.values.clock import micros
from .....domain.workflow import WorkflowSnapshot
from .....projections.runs.run import Run
from .....projections.runs.summary import RunSummary

if TYPE_CHECKING:
    from datetime import datetime

    from ....ledger.ledger import Ledger
    from ..read_runs import ReadRun, ReadRuns

_Made = TypeVar("_Made")


class ReadableRun(NamedTuple):
    """A run, its workflow, and what its events tell."""

    run: Run
    workflow: WorkflowSnapshot | None
    """As the run saw it; None where that can't be read."""
    read: ReadRun


def as_far_as_it_reads(run_id: str, make: Callable[[EventNotReadable | None], _Made]) -> _Made:
    """What is made of a run, or else of its events before the first one that can't be read, which ``make`` is told.

    Raises EventNotReadable where that is the run's first one, or one of another stream.
    """
    damage: EventNotReadable | None = None
    while True:
        try:
            return make(damage)
        except EventNotReadable as error:  # results are read late, so a second one may stand before the first
            if error.stream != run_id or error.version == 1 or (damage is not None and error.version >= damage.version):
                raise
            damage = error


def read_run(
    ledger: Ledger, read_runs: ReadRuns, run_id: str, now: datetime, damage: EventNotReadable | None
) -> ReadableRun:
    """The run as it stands, or as it stood before its damaged event. Raises RunNotFound, EventNotReadable."""
    upto = last_readable(damage)
    run = ledger.runs.get(run_id, upto)
    workflow = workflow_seen(ledger, run_id)
    definition = None if workflow is None else workflow.definition
    read = read_runs.read(ledger, run_id, definition, None if run.finished_at else micros(now), upto)
    return ReadableRun(run, workflow, read)


def last_readable(damage: EventNotReadable | None) -> int | None:
    """The last version that can be read; None: all can."""
    return None if damage is None else damage.version - 1


def workflow_seen(ledger: Ledger, run_id: str) -> WorkflowSnapshot | None:
    """The workflow as the run saw it; None where that can't be read."""
    try:
        return ledger.history.workflow_of(run_id)
    except NotFound:  # the run is shown all the same
        return None
    except EventNotReadable as error:
        if error.stream == run_id:
            raise
        return None


def latest_version(ledger: Ledger, workflow_id: str) -> int | None:
    """The latest version of a workflow; None where that can't be read."""
    try:
        return ledger.workflows.get(workflow_id).version
    except (NotFound, EventNotReadable):
        return None


def last_good_run(ledger: Ledger, run: Run) -> RunSummary | None:
    """The last run of the same version of the workflow that completed, other than this one."""
    try:
        found = ledger.history.runs(
            workflow_id=run.workflow_id, version=run.workflow_version, status="completed", limit=2
        )
    except NotFound:
        return None
    return next((row for row in found if row.id != run.id), None)
