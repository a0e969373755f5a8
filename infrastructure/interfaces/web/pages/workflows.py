"""All workflows: which version is live, who saved last and why, what the last week was like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from .....projections.history_beginning import HistoryBeginning
from .....projections.runs.summary import RunSummary, WorkflowSummary
from ...presentation.documents import workflow_summary_document
from ..rendering.versions import ShownVersion
from .copy_as import CopyAs, command_line, python_call
from .page import Page
from .query import check_names, flag, text, whole

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger
    from ..requests import Call

LIMIT: Final = 25
DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Day:
    """The runs that were started on one day (UTC)."""

    day: date
    runs: int
    failed: int


@dataclass(frozen=True, slots=True)
class WorkflowRow:
    """A workflow in the list."""

    workflow: WorkflowSummary
    description: str | None
    live: ShownVersion | None
    """None: every save is a draft."""
    latest: ShownVersion
    days: tuple[Day, ...]
    runs: int
    failed: int
    waiting: int
    last: RunSummary | None

    @property
    def most(self) -> int:
        """Runs of the day that had most, at least 1."""
        return max(1, *(day.runs for day in self.days))

    @property
    def week(self) -> str:
        """What the week was like, in words."""
        runs, failed = sum(day.runs for day in self.days), sum(day.failed for day in self.days)
        return f"{runs:,} runs in the last {DAYS} days, {failed:,} of them failed"


@dataclass(frozen=True, slots=True)
class WorkflowsPage:
    """A page of the list."""

    rows: tuple[WorkflowRow, ...]
    archived: bool
    """Whether archived ones are among them."""
    newer: str | None
    older: str | None
    next: str | None
    begins: HistoryBeginning | None
    """From when on the numbers of runs are whole, where some were removed."""
    copy_as: CopyAs


def load(call: Call) -> WorkflowsPage:
    """The page that the address asks for. Raises InvalidRequest."""
    check_names(call.query, ("after", "archived", "limit"))
    archived, after = flag(call.query, "archived") is True, text(call.query, "after")
    limit = whole(call.query, "limit", LIMIT)
    found = call.ledger.workflows.list(archived=archived, after=after, limit=limit)
    counted = _Counted.of(call.ledger)
    shown = "yes" if archived else None
    return WorkflowsPage(
        rows=tuple(_row(call, workflow, counted) for workflow in found),
        archived=archived,
        newer=None if after is None else call.links("workflows", archived=shown),
        older=None if found.next is None else call.links("workflows", archived=shown, after=found.next),
        next=found.next,
        begins=call.ledger.retention.begins(),
        copy_as=CopyAs(
            call.links.data("workflows", archived=shown, after=after),
            command_line(("workflow", "list"), {"archived": archived or None, "after": after}),
            python_call("workflows.list", {"archived": archived or None, "after": after}),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """Runs by workflow: all, those that failed, those that wait."""

    runs: Mapping[Any, int]
    failed: Mapping[Any, int]
    waiting: Mapping[Any, int]

    @staticmethod
    def of(ledger: Ledger) -> _Counted:
        counts = ledger.history.counts
        return _Counted(
            *(
                {each.value: each.count for each in found}
                for found in (
                    counts("workflow"),
                    counts("workflow", status="failed"),
                    counts("workflow", status="paused"),
                )
            )
        )


def _row(call: Call, workflow: WorkflowSummary, counted: _Counted) -> WorkflowRow:
    ledger, live = call.ledger, workflow.live_version
    saved = ledger.workflows.get(workflow.id)
    latest = ShownVersion(workflow.id, workflow.saved_version, workflow.snapshot_id, workflow.taken_at, True)
    return WorkflowRow(
        workflow=workflow,
        description=saved.definition.description,
        live=latest if live == workflow.saved_version else _shown(ledger, workflow.id, live),
        latest=latest,
        days=_week(ledger, workflow.id, call.now),
        runs=counted.runs.get(workflow.id, 0),
        failed=counted.failed.get(workflow.id, 0),
        waiting=counted.waiting.get(workflow.id, 0),
        last=next(iter(ledger.history.runs(workflow.id, limit=1)), None),
    )


def _shown(ledger: Ledger, workflow_id: str, version: int | None) -> ShownVersion | None:
    if version is None:
        return None
    saved = ledger.workflows.get(workflow_id, version)
    return ShownVersion(workflow_id, saved.version, saved.snapshot_id, saved.taken_at, saved.is_latest)


def _week(ledger: Ledger, workflow_id: str, now: datetime) -> tuple[Day, ...]:
    today = now.astimezone(UTC).date()
    since = datetime.combine(today - timedelta(days=DAYS - 1), datetime.min.time(), UTC)
    runs, failed = (
        {str(each.value): each.count for each in ledger.history.counts("day", workflow_id, status=status, since=since)}
        for status in (None, "failed")
    )
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    return tuple(Day(day, runs.get(day.isoformat(), 0), failed.get(day.isoformat(), 0)) for day in days)


def to_document(page: WorkflowsPage) -> dict[str, Any]:
    """The workflows as the command line's ``--json`` has them."""
    return {"workflows": [workflow_summary_document(row.workflow) for row in page.rows], "next": page.next}


PAGES: Final = (Page("/workflows", "workflows", "viewer", load, "workflows.html", to_document),)
