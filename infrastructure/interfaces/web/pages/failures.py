"""Failures: which are alike, how many on each day and version, and what of them can be retried."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from .....projections.history_beginning import HistoryBeginning
from .....projections.pagination import Page as ListPage
from .....projections.runs.summary import WorkOrderSummary
from .....projections.steps.summary import FailureGroup
from ...presentation.documents import begins_document, list_document, row_document
from ...presentation.inputs import read_moment
from .copy_as import CopyAs, command_line, python_call
from .failure_detail import FailureDetail, latest_of, read_detail
from .page import Page
from .query import check_names, flag, text, texts, whole

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

    from ..requests import Call

LIMIT: Final = 25
DAYS: Final = 7
"""Those that are shown where the address doesn't say since when."""

MOST_BARS: Final = 31


@dataclass(frozen=True, slots=True)
class FailureFilters:
    """What the address asks for."""

    workflow: str | None
    node: str | None
    error: str | None
    since: str
    """A time, a number of days such as ``7d``, or ``all``."""
    until: datetime | None
    retried: bool
    after: str | None
    limit: int
    open: tuple[str, ...]
    """Ids of groups that are opened."""

    def query(self, **changes: Any) -> dict[str, Any]:
        """The query of an address that asks for the same but for these changes."""
        asked = {
            "workflow": self.workflow,
            "node": self.node,
            "error": self.error,
            "since": None if self.since == f"{DAYS}d" else self.since,
            "until": self.until,
            "retried": "yes" if self.retried else None,
            "limit": None if self.limit == LIMIT else self.limit,
        }
        return asked | changes

    def toggled(self, id: str) -> dict[str, Any]:
        """The query of an address that opens a group, or closes it."""
        opened = [each for each in self.open if each != id] if id in self.open else [*self.open, id]
        return self.query(open=tuple(sorted(opened)), after=self.after)


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """A group in the list."""

    group: FailureGroup
    bars: tuple[int, ...]
    """How many on each day that is shown, the oldest first."""
    is_new: bool
    """Whether it was seen for the first time on the day of the page."""
    latest: int | None
    """The last version of the workflow, where none failed so on it; None otherwise."""
    detail: FailureDetail | None
    """Where it is opened."""

    @property
    def heights(self) -> tuple[tuple[int, float], ...]:
        """Place and height of each bar, of 20."""
        highest = max(self.bars, default=0)
        return tuple((place, 20 * many / highest) for place, many in enumerate(self.bars) if many)

    @property
    def versions(self) -> str:
        """``v7–v8``."""
        first, last = self.group.versions[0].value, self.group.versions[-1].value
        return f"v{first}" if first == last else f"v{first}–v{last}"


@dataclass(frozen=True, slots=True)
class FailuresPage:
    """A page of the list."""

    filters: FailureFilters
    groups: tuple[ShownGroup, ...]
    workflows: tuple[str, ...]
    """To choose from."""
    next: str | None
    rejected: ListPage[WorkOrderSummary]
    """Work orders that have no run, as their input was refused: the newest of them, on the first page."""
    may_pick: bool
    """Whether who reads it may retry them."""
    behind: float | None
    begins: HistoryBeginning | None
    """From when on it is whole, where it reaches back to what was removed."""
    copy_as: CopyAs

    @property
    def total(self) -> int:
        """Failures in the groups of this page."""
        return sum(shown.group.count for shown in self.groups)


def load(call: Call) -> FailuresPage:
    """The page that the address asks for. Raises InvalidRequest, WorkflowNotFound."""
    filters = read_filters(call.query)
    since = _since(filters.since, call.now)
    asked = {
        "workflow_id": filters.workflow,
        "node": filters.node,
        "error_type": filters.error,
        "since": since,
        "until": filters.until,
        "retried": filters.retried or None,
    }
    history = call.ledger.history
    found = history.failures(
        filters.workflow,
        filters.node,
        filters.error,
        since,
        filters.until,
        filters.retried,
        filters.after,
        filters.limit,
    )
    latest = {one: latest_of(call.ledger, one) for one in {group.workflow_id for group in found}}
    days = _days(since, call.now)
    return FailuresPage(
        filters,
        tuple(_shown(call, group, days, latest[group.workflow_id], since, filters) for group in found),
        tuple(workflow.id for workflow in call.ledger.workflows.list(limit=100)),
        found.next,
        found.rejected,
        call.may("operator"),
        found.behind,
        found.begins,
        CopyAs(
            call.links.data("failures", **filters.query(after=filters.after)),
            command_line(["failures"], {"workflow": filters.workflow} | {key: asked[key] for key in _OPTIONS}),
            python_call("history.failures", asked),
        ),
    )


_OPTIONS: Final = ("node", "error_type", "since", "until", "retried")


def read_filters(query: QueryParams) -> FailureFilters:
    """Raises InvalidRequest, with the name of the parameter that can't be read."""
    check_names(query, NAMES)
    return FailureFilters(
        text(query, "workflow"),
        text(query, "node"),
        text(query, "error"),
        text(query, "since") or f"{DAYS}d",
        read_moment(text(query, "until"), "until"),
        flag(query, "retried") or False,
        text(query, "after"),
        whole(query, "limit", LIMIT),
        texts(query, "open"),
    )


NAMES: Final = frozenset(FailureFilters.__slots__)


def _since(said: str, now: datetime) -> datetime | None:
    """Days are those of UTC, the last of them today. Raises InvalidRequest."""
    if said == "all":
        return None
    if re.fullmatch(r"[1-9]\d{0,3}d", said):
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=int(said[:-1]) - 1)
    return read_moment(said, "since")


def _days(since: datetime | None, now: datetime) -> tuple[str, ...]:
    """The days of the bars, the oldest first; the last MOST_BARS of them where there are more."""
    today = now.astimezone(UTC).date()
    many = MOST_BARS if since is None else (today - since.astimezone(UTC).date()).days + 1
    return tuple((today - timedelta(days=back)).isoformat() for back in range(min(max(many, 1), MOST_BARS) - 1, -1, -1))


def _shown(
    call: Call,
    group: FailureGroup,
    days: tuple[str, ...],
    latest: int | None,
    since: datetime | None,
    filters: FailureFilters,
) -> ShownGroup:
    on_day = {count.value: count.count for count in group.days}
    failed_on = {count.value for count in group.versions}
    return ShownGroup(
        group,
        tuple(on_day.get(day, 0) for day in days),
        group.first_seen.astimezone(UTC).date() == call.now.astimezone(UTC).date(),
        None if latest in failed_on else latest,
        read_detail(call.ledger, group, latest, since, filters.until) if group.id in filters.open else None,
    )


def to_document(page: FailuresPage) -> dict[str, Any]:
    """The groups as the command line's ``--json`` has them."""
    groups = [row_document(shown.group) for shown in page.groups]
    rejected = list_document("workOrders", page.rejected, page.rejected)
    return {"failures": groups, "next": page.next, "rejected": rejected} | begins_document(page.begins)


PAGES = (Page("/failures", "failures", "viewer", load, "failures.html", to_document),)
