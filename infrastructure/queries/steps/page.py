"""The list of steps: its filters and its pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, get_args

from ....domain.errors import InvalidRequest
from ....domain.visible import quoted
from ....projections.index.query import Place
from ....projections.pagination import Page
from ....projections.runs.attempts import AttemptOutcome
from ....projections.steps.query import StepQuery
from ....projections.steps.rows import LONGEST, StepRow
from ....projections.steps.summary import StepSummary, step_summary
from ...storage.event_store import LedgerEventStore
from ..cursors import make_page, parse_cursor
from ..index.reader import Index
from ..listing import check_id, check_limit, check_text, check_time, check_workflow
from ..search.filters import Filter
from ..search.indexer import Lag
from . import sql
from .values import StepValues, too_costly

STATUSES: tuple[AttemptOutcome, ...] = get_args(AttemptOutcome)

MAX_CANDIDATES = 20_000
"""Steps that one page may look at one by one."""

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of all runs. They follow the log with the search, which ``catch_up`` brings up to date first."""

    store: LedgerEventStore
    index: Index
    catch_up: Callable[[], Lag]

    def page(self, query: StepQuery, filters: Sequence[Filter], after: str | None, limit: int) -> Page[StepSummary]:
        """A page, newest first. Raises InvalidRequest, WorkflowNotFound, StorageUnavailable."""
        check_limit(limit)
        asked = (query, *(one.source for one in filters))
        query = replace(query, before=parse_cursor(after, asked))
        lag = self.catch_up()
        rows = self._matching(query, filters, limit + 1) if filters else self.rows(query, limit + 1)
        if not rows and after is None and query.workflow_id is not None:
            check_workflow(self.index, query.workflow_id, None)
        page = make_page(rows, limit, _place, asked)
        return Page(tuple(map(step_summary, page)), page.next, lag.seconds)

    def rows(self, query: StepQuery, limit: int) -> list[StepRow]:
        """The newest rows."""
        found = sql.steps(query, self.index.dialect, limit)
        return list(map(StepRow._make, self.index.rows(found.sql, found.parameters)))

    def _matching(self, query: StepQuery, filters: Sequence[Filter], limit: int) -> list[StepRow]:
        """The newest rows for whose values all filters are true; they are looked at one by one."""
        values, rows, looked_at = StepValues(self.store, filters), list[StepRow](), 0
        while True:
            page = self.rows(query, AT_ONCE)
            rows += values.matching(page)
            looked_at += len(page)
            if len(page) < AT_ONCE or len(rows) >= limit:
                return rows[:limit]
            if looked_at >= MAX_CANDIDATES:
                raise too_costly()
            query = replace(query, before=_place(page[-1]))


def step_query(
    workflow_id: str | None,
    node: str | None,
    status: str | Sequence[str] | None,
    error_type: str | None,
    longer_than: timedelta | float | None,
    since: datetime | None,
    until: datetime | None,
) -> StepQuery:
    """Check the filters. Raises InvalidRequest."""
    return StepQuery(
        workflow_id=check_id(workflow_id, "workflow_id"),
        node=check_text(node, "node"),
        status=_statuses(status),
        error_type=check_text(error_type, "error_type"),
        longer_than=_duration(longer_than),
        since=check_time(since, "since"),
        until=check_time(until, "until"),
    )


def _statuses(status: str | Sequence[str] | None) -> tuple[AttemptOutcome, ...]:
    wanted: Any = (status,) if isinstance(status, str) else status or ()
    known = ", ".join(STATUSES)
    if not isinstance(wanted, list | tuple | set | frozenset):
        raise InvalidRequest(f"status {quoted(status)} is neither one nor a list of several: {known}")
    for word in wanted:
        if word not in STATUSES:
            raise InvalidRequest(f"status {quoted(word)} does not exist: an attempt is one of {known}")
    return tuple(word for word in STATUSES if word in wanted)


def _duration(longer_than: timedelta | float | None) -> int | None:
    """In microseconds, whole ones: what took longer than a fraction took as long as the next, or longer."""
    if longer_than is None:
        return None
    if isinstance(longer_than, timedelta):
        took = longer_than // timedelta(microseconds=1)
    elif isinstance(longer_than, int | float) and not isinstance(longer_than, bool) and longer_than - longer_than == 0:
        took = int(longer_than * 1_000_000)
    else:
        raise InvalidRequest(f"longer_than {quoted(longer_than)} is neither a timedelta nor a number of seconds")
    if took < 0:
        raise InvalidRequest(f"longer_than {quoted(longer_than)} is less than nothing")
    return min(took, LONGEST)


def _place(row: StepRow) -> Place:
    return Place(row.started_at, row.position)
