"""History: work orders and their runs, where each stands, on which version it ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .....domain.errors import InvalidRequest
from .....domain.status import RUN_STATUSES
from .....projections.history_beginning import HistoryBeginning
from .....projections.runs.summary import RunSummary
from ...presentation.documents import begins_document, row_document
from ..rendering.renderer import clock_of
from .copy_as import CopyAs, command_line, python_call
from .history_columns import SORTS, SortedColumn, sorted_columns
from .history_days import Chart, runs_by_day
from .history_filters import HistoryFilters, read_filters
from .history_rows import Order, group
from .history_words import FilterWord, filter_words
from .page import Page
from .saved_filters import SavedFilters, query_text, saved_filters

if TYPE_CHECKING:
    from ..requests import Call


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of the list."""

    filters: HistoryFilters
    words: tuple[FilterWord, ...]
    """The filters that are set, in words."""
    heads: Mapping[str, SortedColumn]
    """The columns that sort the list."""
    runs: tuple[RunSummary, ...]
    """In the order of the list."""
    orders: tuple[Order, ...]
    """The same by their work orders."""
    counts: dict[str, int]
    """How many runs match, whatever their status, by status. Empty where that isn't known."""
    chart: Chart | None
    """Runs over time."""
    next: str | None
    """The cursor of the next page."""
    begins: HistoryBeginning | None
    """From when on it is whole, where it reaches back to what was removed."""
    behind: float | None
    """For how many seconds there have been events that a search doesn't know."""
    saved: tuple[SavedFilters, ...]
    """Filters that somebody saved under a name."""
    query_text: str
    """The filters that are set, as they would be saved."""
    may_pick: bool
    """Whether who reads it may retry and cancel runs."""
    copy_as: CopyAs

    @property
    def order_in_words(self) -> str:
        """How the list is sorted."""
        return SORTS[self.filters.sort]

    @property
    def total(self) -> int:
        """How many runs match, whatever their status."""
        return sum(self.counts.values())

    @property
    def matching(self) -> int:
        """How many runs match."""
        return sum(self.counts.get(status, 0) for status in self.filters.status or self.counts)


def load(call: Call) -> HistoryPage:
    """The page that the address asks for. Raises InvalidRequest, WorkflowNotFound, VersionNotFound."""
    filters = read_filters(call.query)
    asked = filters.of_runs()
    listed = {name: value for name, value in filters.of_list().items() if value is not None}
    found = call.ledger.history.runs(**listed, after=filters.after, limit=filters.limit)
    return HistoryPage(
        filters,
        filter_words(filters, clock_of(call)),
        sorted_columns(filters.sort),
        found.items,
        group(call.ledger, found.items, filters.open),
        count_statuses(call, asked),
        runs_by_day(call, filters),
        found.next,
        found.begins,
        found.behind,
        saved_filters(call.ledger),
        query_text(filters),
        call.may("operator"),
        CopyAs(
            call.links.data("history", **filters.query(open=None, after=filters.after)),
            command_line(["history"], filters.of_command()),
            python_call("history.runs", filters.of_list()),
        ),
    )


def count_statuses(call: Call, asked: dict[str, Any]) -> dict[str, int]:
    """The runs that match but for their status, by status, in the order of the statuses; none where they are too many
    to be counted. The filters were checked by the list."""
    try:
        whatever_it_is: dict[str, Any] = {**asked, "status": None}
        counted = call.ledger.history.counts(group="status", **whatever_it_is)
    except InvalidRequest:  # a search that finds more than can be counted one by one
        return {}
    numbers = {str(count.value): count.count for count in counted}
    return {status: numbers.pop(status, 0) for status in RUN_STATUSES} | numbers


def to_document(page: HistoryPage) -> dict[str, Any]:
    """The runs as the command line's ``--json`` has them."""
    return {"runs": [row_document(run) for run in page.runs], "next": page.next} | begins_document(page.begins)


PAGES = (Page("/history", "history", "viewer", load, "history.html", to_document),)
