"""History: which runs there are, where each stands, on which version it ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .....projections.runs.summary import RunSummary
from ...presentation.documents import row_document
from ..rendering.versions import ShownVersion
from .history_filters import HistoryFilters, read_filters
from .page import Page
from .version_facts import VersionFacts

if TYPE_CHECKING:
    from ..requests import Call


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the list."""

    run: RunSummary
    version: ShownVersion | None
    """None where its save can't be read."""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of the list."""

    filters: HistoryFilters
    rows: tuple[RunRow, ...]
    newer: str | None
    older: str | None
    """Addresses of the pages beside this one."""
    next: str | None
    """The cursor of the next page."""
    behind: float | None


_VERSIONS = VersionFacts()


def load(call: Call) -> HistoryPage:
    """The page that the address asks for. Raises InvalidRequest, WorkflowNotFound, VersionNotFound."""
    filters = read_filters(call.request.query_params)
    found = call.ledger.history.runs(**filters.of_runs(), after=filters.after, limit=filters.limit)
    versions = _VERSIONS.of(call.ledger, ((run.workflow_id, run.workflow_version) for run in found))
    rows = tuple(RunRow(run, versions.get((run.workflow_id, run.workflow_version))) for run in found)
    older = None if found.next is None else call.links("history", **filters.query(after=found.next))
    newer = None if filters.after is None else call.links("history", **filters.query(after=None))
    return HistoryPage(filters, rows, newer, older, found.next, found.behind)


def to_document(page: HistoryPage) -> dict[str, Any]:
    """The runs as the command line's ``--json`` has them."""
    return {"runs": [row_document(row.run) for row in page.rows], "next": page.next}


PAGES = (Page("/history", "history", "viewer", load, "history.html", to_document),)
