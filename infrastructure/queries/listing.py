"""Lists of work orders and workflows, and the checks of filters that all lists share."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from ...domain.errors import FlowledgerError, InvalidRequest, StorageUnavailable, VersionNotFound
from ...domain.run import RunHeader
from ...domain.status import WORK_ORDER_STATUSES
from ...domain.values.clock import LATEST, micros
from ...domain.values.json import freeze
from ...domain.visible import quoted
from ...projections.index.query import SORT_KEYS, Order, Place, WorkOrderQuery, place_of
from ...projections.index.rows import WorkOrderRow
from ...projections.pagination import Page
from ...projections.runs.summary import (
    WorkflowSummary,
    WorkOrderSummary,
    row_moment,
    work_order_summary,
    workflow_summary,
)
from .cursors import make_page, not_a_cursor, parse_cursor
from .index.reader import Index

_Word = TypeVar("_Word", bound=str)

MAX_LIMIT: Final = 1_000
"""The most items of one page; the cursor leads to the rest."""


def work_order_query(
    workflow_id: str | None,
    state: str | None,
    by: str | None,
    since: datetime | None,
    until: datetime | None,
    sort: str,
) -> WorkOrderQuery:
    """Check the filters. Raises InvalidRequest for an unknown state or order, or a naive time."""
    return WorkOrderQuery(
        workflow_id=check_id(workflow_id, "workflow_id"),
        state=None if state is None else check_known(WORK_ORDER_STATUSES, state, "state"),
        by=check_text(by, "by"),
        since=check_time(since, "since"),
        until=check_time(until, "until"),
        order=check_order(sort),
    )


def work_orders_page(
    index: Index,
    query: WorkOrderQuery,
    after: str | None,
    limit: int,
    header_of: Callable[[str], RunHeader],
) -> Page[WorkOrderSummary]:
    """``header_of`` reads the header of a run that is executed. Raises WorkflowNotFound."""
    check_limit(limit)
    rows = index.work_orders(replace(query, before=parse_cursor(after, query)), limit + 1)
    if not rows and after is None and query.workflow_id is not None:
        check_workflow(index, query.workflow_id, None)
    page = make_page(rows, limit, lambda row: _place_of(row, query.order), query)
    return Page(tuple(work_order_summary(row, _active_at(row, header_of)) for row in page), page.next)


def _place_of(row: WorkOrderRow, order: Order) -> Place:
    return place_of(row.opened_at, row.finished_at, row.active_at, row.position, order)


def _active_at(row: WorkOrderRow, header_of: Callable[[str], RunHeader]) -> datetime:
    if row.active_at < LATEST or row.last_run_id is None:
        return row_moment(row.active_at)
    try:
        return header_of(row.last_run_id).recorded_at
    except StorageUnavailable:
        raise
    except FlowledgerError:
        return row_moment(row.active_at)  # its last event is damaged; list the others


def workflows_page(index: Index, archived: bool, after: str | None, limit: int) -> Page[WorkflowSummary]:
    """A page of workflows in order of their ids; the cursor is the last id itself."""
    check_limit(limit)
    if after == "":
        raise not_a_cursor(after)
    rows = index.workflows(check_id(after, "after"), limit + 1, archived=archived)
    more = len(rows) > limit
    return Page(tuple(map(workflow_summary, rows[:limit])), rows[limit - 1].workflow_id if more else None)


def check_workflow(index: Index, workflow_id: str, version: int | None) -> None:
    """Raises WorkflowNotFound, VersionNotFound: a mistyped name would give an empty list, as if nothing ran."""
    workflow = index.workflow(workflow_id)
    if workflow is None:
        raise index.missing_workflow(workflow_id)
    if version is not None and not 1 <= version <= workflow.version:
        raise VersionNotFound(version, workflow.version, f"workflow {workflow_id!r}")


def check_order(sort: str) -> Order:
    """The order that a word asks for: a key of ``SORT_KEYS``, with ``-`` in front the greatest first.

    Raises InvalidRequest.
    """
    known = [f"{sign}{by}" for by in SORT_KEYS for sign in ("-", "")]
    word = check_known(known, sort, "sort")
    return Order(next(by for by in SORT_KEYS if by == word.removeprefix("-")), word.startswith("-"))


def check_limit(limit: int) -> None:
    """Raises InvalidRequest for a page of no items, or of too many."""
    if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(
            f"limit {quoted(limit)}: a page has 1 to {MAX_LIMIT:,} items; the cursor leads to the others"
        )


def check_known(known: Sequence[_Word], value: object, what: str) -> _Word:
    for word in known:
        if word == value:
            return word
    raise InvalidRequest(f"{what} {quoted(value)} does not exist: it is one of {', '.join(known)}")


def check_text(value: str | None, name: str) -> str | None:
    """Return the filter. Raises InvalidRequest if it isn't text, InvalidValue if it isn't Unicode."""
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(f"{name} {quoted(value)} is not text")
    freeze(value, name)
    return value


def check_id(value: str | None, name: str) -> str | None:
    """The same for an id, which has no NUL character."""
    if "\0" in (check_text(value, name) or ""):
        raise InvalidRequest(f"{name} {quoted(value)}: no id has a NUL character")
    return value


def check_time(value: datetime | None, name: str) -> int | None:
    """The time in microseconds since 1970. Raises InvalidRequest if it isn't a datetime with a time zone."""
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise InvalidRequest(f"{name} {quoted(value)} is not a datetime")
    return micros(value)
