"""The rows of History: runs by their work orders; one that is opened shows all its runs, and a run its steps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from .....domain.errors import FlowledgerError, StorageUnavailable
from .....domain.status import ListedRunStatus
from .....projections.runs.lineage import Relative
from .....projections.runs.summary import RunSummary
from ..rendering.versions import ShownVersion
from .history_columns import Found, found_in, shown_value
from .history_steps import StepLine, step_lines
from .version_facts import Versions, read_versions

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run of the list, with what its chip says."""

    run: RunSummary
    version: ShownVersion | None
    """None where its save can't be read."""
    values: tuple[str, ...]
    """Of the columns that were asked for."""
    found: tuple[Found, ...]
    """What a search has found of it."""


@dataclass(frozen=True, slots=True)
class OpenedRun:
    """A run of a work order that is opened."""

    id: str
    kind: str
    """``first``, ``retry``, ``reproduction``, ``fork``."""
    source: str | None
    status: ListedRunStatus
    node_id: str | None
    by: str
    started_at: datetime
    finished_at: datetime | None
    last_event_at: datetime | None
    """None where that can't be read."""
    workflow_version: int
    version: ShownVersion | None
    steps: tuple[StepLine, ...] | None
    """None while it is closed."""
    has_more_steps: bool = False
    """Whether the run's own page has more steps than are shown here."""


@dataclass(frozen=True, slots=True)
class Order:
    """A work order: those of its runs that are on the page, and all of them where it is opened."""

    id: str
    listed: tuple[ListedRun, ...]
    """Newest first."""
    opened: tuple[OpenedRun, ...] | None
    """Newest first; None while it is closed."""

    @property
    def last(self) -> ListedRun:
        """Its newest run in the list, of which its row tells."""
        return self.listed[0]


MOST_STEPS: Final = 100
"""Steps that a run shows in the list; its own page has all."""


def group(ledger: Ledger, runs: Sequence[RunSummary], opened: Collection[str]) -> tuple[Order, ...]:
    """The runs of a page by their work orders, each where its first run stands in the list."""
    versions = read_versions(ledger, ((run.workflow_id, run.workflow_version) for run in runs))
    orders: dict[str, list[ListedRun]] = {}
    for run in runs:
        version = versions.get((run.workflow_id, run.workflow_version))
        values = tuple(map(shown_value, (run.columns or {}).values()))
        listed = ListedRun(run, version, values, tuple(found_in(run)))
        orders.setdefault(run.work_order_id, []).append(listed)
    return tuple(
        Order(id, tuple(listed), _open(ledger, id, listed[0].run, opened) if id in opened else None)
        for id, listed in orders.items()
    )


def _open(ledger: Ledger, work_order_id: str, run: RunSummary, opened: Collection[str]) -> tuple[OpenedRun, ...]:
    """All runs of a work order. Where it has one alone, that is opened with it."""
    first = ledger.runs.work_order(work_order_id).runs[0]
    lineage = ledger.history.lineage(first)
    relatives = sorted((*lineage.ancestors, lineage.run, *lineage.descendants), key=lambda each: each.started_at)
    versions = read_versions(ledger, ((run.workflow_id, each.workflow_version) for each in relatives))
    is_alone = len(relatives) == 1
    return tuple(
        _open_run(ledger, each, (run.workflow_id, versions), with_steps=is_alone or each.run_id in opened)
        for each in reversed(relatives)
    )


def _open_run(ledger: Ledger, run: Relative, known: tuple[str, Versions], *, with_steps: bool) -> OpenedRun:
    workflow_id, versions = known
    node_id = finished_at = last_event_at = None
    try:
        header = ledger.history.header(run.run_id)
        node_id, finished_at, last_event_at = header.current_node_id, header.finished_at, header.recorded_at
    except StorageUnavailable:
        raise
    except FlowledgerError:  # its last event is damaged, as its status says: the others are shown
        with_steps = False
    steps, has_more = _steps(ledger, run.run_id) if with_steps else (None, False)
    return OpenedRun(
        run.run_id,
        run.kind,
        run.source,
        run.status,
        node_id,
        run.by,
        run.started_at,
        finished_at,
        last_event_at,
        run.workflow_version,
        versions.get((workflow_id, run.workflow_version)),
        steps,
        has_more,
    )


def _steps(ledger: Ledger, run_id: str) -> tuple[tuple[StepLine, ...], bool]:
    lines: list[StepLine] = []
    for line in step_lines(ledger.history.events(run_id)):
        if len(lines) == MOST_STEPS:
            return tuple(lines), True
        lines.append(line)
    return tuple(lines), False
