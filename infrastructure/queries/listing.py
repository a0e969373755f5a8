"""Lists of runs, work orders and workflows: filters, pages and cursors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from ...domain.errors import FlowledgerError, InvalidRequest, StorageUnavailable, VersionNotFound, WorkflowNotFound
from ...domain.status import RUN_STATUSES, UNREADABLE, WORK_ORDER_STATUSES
from ...domain.values.clock import micros
from ...domain.values.json import freeze
from ...domain.visible import quoted
from ...projections.index.query import Place, RunQuery, WorkOrderQuery
from ...projections.index.rows import RunRow
from ...projections.pagination import Page
from ...projections.runs.summary import (
    RunSummary,
    WorkflowSummary,
    WorkOrderSummary,
    run_summary,
    work_order_summary,
    workflow_summary,
)
from ...projections.steps.rows import fingerprint_of
from ..storage.recorder import LAST
from .cursors import make_page, parse_cursor
from .index.reader import Index
from .search.query import SearchQuery
from .search.runs import SearchedRuns

_Word = TypeVar("_Word", bound=str)

MAX_LIMIT: Final = 1_000
"""The most items of one page; the cursor leads to the rest."""


@dataclass(frozen=True, slots=True)
class Lists:
    """The sources of the rows of lists."""

    index: Index
    searched: SearchedRuns

    def runs(self, query: RunQuery, search: SearchQuery | None, limit: int) -> tuple[list[RunRow], float | None]:
        """The newest rows, and how many seconds the search is behind the log (None without a search)."""
        if search is None and query.failure is None:
            return self.index.runs(query, limit), None
        lag = self.searched.catch_up()
        if search is None:
            return self.index.runs(query, limit), lag.seconds
        return self.searched.page(query, search, limit), lag.seconds


def run_query(
    workflow_id: str | None,
    version: int | None,
    status: str | Sequence[str] | None,
    node: str | None,
    error_type: str | None,
    by: str | None,
    since: datetime | None,
    until: datetime | None,
    as_of: datetime | None,
    due_before: datetime | None = None,
    held: bool | None = None,
    queued: bool | None = None,
    owner: str | None = None,
    failure: str | None = None,
) -> RunQuery:
    """Check the filters. Raises InvalidRequest for an unknown status or a naive time."""
    wanted = (status,) if isinstance(status, str) else status or ()
    if not isinstance(wanted, list | tuple | set | frozenset):
        raise InvalidRequest(f"status {quoted(status)} is neither one nor a list of several: {', '.join(RUN_STATUSES)}")
    now_only = {"due_before": due_before, "held": held, "queued": queued, "owner": owner, "failure": failure}
    if as_of is not None and (given := [name for name, value in now_only.items() if value is not None]):
        raise InvalidRequest(f"as_of asks for a past time, and {given[0]} is known of now alone: give one of them")
    for name, flag in (("held", held), ("queued", queued)):
        if flag is not None and type(flag) is not bool:
            raise InvalidRequest(f"{name} {quoted(flag)} is neither True nor False")
    return RunQuery(
        workflow_id=check_id(workflow_id, "workflow_id"),
        version=version,
        status=tuple(dict.fromkeys(_check_known(RUN_STATUSES, name, "status") for name in wanted)),
        node=check_text(node, "node"),
        error_type=check_text(error_type, "error_type"),
        by=check_text(by, "by"),
        since=check_time(since, "since"),
        until=check_time(until, "until"),
        as_of=check_time(as_of, "as_of"),
        due_before=check_time(due_before, "due_before"),
        held=held,
        queued=queued,
        owner=check_text(owner, "owner"),
        failure=None if failure is None else read_failure(failure),
    )


def runs_page(
    lists: Lists,
    query: RunQuery,
    search: SearchQuery | None,
    after: str | None,
    limit: int,
    node_now: Callable[[str], str | None],
) -> Page[RunSummary]:
    """A page of runs; ``node_now`` returns the current node of an active run.

    Raises WorkflowNotFound, VersionNotFound.
    """
    check_limit(limit)
    filters = (query, search and search.asked)
    is_storable = query.version is None or query.version <= LAST
    before = parse_cursor(after, filters)
    rows, lag = lists.runs(replace(query, before=before), search, limit + 1) if is_storable else ([], None)
    if not rows and after is None and query.workflow_id is not None:
        check_workflow(lists.index, query.workflow_id, query.version)
    page = make_page(rows, limit, lambda row: Place(row.started_at, row.position), filters)
    return Page(tuple(_run_summary(row, node_now) for row in page), page.next, lag)


def _run_summary(row: RunRow, node_now: Callable[[str], str | None]) -> RunSummary:
    if row.status != "active":
        return run_summary(row, row.node_id)
    try:
        return run_summary(row, node_now(row.run_id))
    except StorageUnavailable:
        raise
    except FlowledgerError:
        return run_summary(row._replace(status=UNREADABLE), None)  # its last event is damaged; list the others


def read_failure(failure: str) -> int:
    """The fingerprint of a group of failures, from its id. Raises InvalidRequest."""
    try:
        return fingerprint_of(check_text(failure, "failure") or "")
    except ValueError:
        raise InvalidRequest(
            f"failure {quoted(failure)} is no group of failures: give the id of one that history.failures lists"
        ) from None


def work_order_query(
    workflow_id: str | None, state: str | None, by: str | None, since: datetime | None, until: datetime | None
) -> WorkOrderQuery:
    """Check the filters. Raises InvalidRequest for an unknown state or a naive time."""
    return WorkOrderQuery(
        workflow_id=check_id(workflow_id, "workflow_id"),
        state=None if state is None else _check_known(WORK_ORDER_STATUSES, state, "state"),
        by=check_text(by, "by"),
        since=check_time(since, "since"),
        until=check_time(until, "until"),
    )


def work_orders_page(index: Index, query: WorkOrderQuery, after: str | None, limit: int) -> Page[WorkOrderSummary]:
    """Raises WorkflowNotFound."""
    check_limit(limit)
    rows = index.work_orders(replace(query, before=parse_cursor(after, query)), limit + 1)
    if not rows and after is None and query.workflow_id is not None:
        check_workflow(index, query.workflow_id, None)
    page = make_page(rows, limit, lambda row: Place(row.opened_at, row.position), query)
    return Page(tuple(map(work_order_summary, page)), page.next)


def workflows_page(index: Index, archived: bool, after: str | None, limit: int) -> Page[WorkflowSummary]:
    """A page of workflows in order of their ids; the cursor is the last id itself."""
    check_limit(limit)
    rows = index.workflows(check_id(after, "after"), limit + 1, archived=archived)
    more = len(rows) > limit
    return Page(tuple(map(workflow_summary, rows[:limit])), rows[limit - 1].workflow_id if more else None)


def check_workflow(index: Index, workflow_id: str, version: int | None) -> None:
    """Raises WorkflowNotFound, VersionNotFound: a mistyped name would give an empty list, as if nothing ran."""
    workflow = index.workflow(workflow_id)
    if workflow is None:
        raise WorkflowNotFound(workflow_id)
    if version is not None and not 1 <= version <= workflow.version:
        raise VersionNotFound(version, workflow.version, f"workflow {workflow_id!r}")


def check_limit(limit: int) -> None:
    """Raises InvalidRequest for a page of no items, or of too many."""
    if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(
            f"limit {quoted(limit)}: a page has 1 to {MAX_LIMIT:,} items; the cursor leads to the others"
        )


def _check_known(known: Sequence[_Word], value: object, what: str) -> _Word:
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
