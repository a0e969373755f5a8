"""The list of runs: its filters, its pages, and how many there are of each kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ...domain.errors import FlowledgerError, InvalidRequest, StorageUnavailable
from ...domain.run import RunHeader
from ...domain.status import ENDED, RUN_STATUSES, UNREADABLE
from ...domain.values.idempotency import LONGEST_KEY, check_key
from ...domain.values.ids import keyed_work_order_id
from ...domain.visible import quoted
from ...projections.index.query import RunQuery
from ...projections.index.rows import RunRow
from ...projections.pagination import Page
from ...projections.runs.summary import RunSummary, row_moment, run_summary
from ...projections.steps.rows import fingerprint_of
from ..storage.recorder import LAST
from .cursors import make_page, parse_cursor
from .index.reader import Index
from .index.runs import place_in
from .listing import check_id, check_known, check_limit, check_order, check_text, check_time, check_workflow
from .search.columns import ValueColumn
from .search.details import RunDetails
from .search.query import SearchQuery
from .search.runs import SearchedRuns


@dataclass(frozen=True, slots=True)
class Lists:
    """The sources of the rows of lists."""

    index: Index
    searched: SearchedRuns
    details: RunDetails

    def runs(self, query: RunQuery, search: SearchQuery | None, limit: int) -> tuple[list[RunRow], float | None]:
        """The rows of a page, and how many seconds the search is behind the log (None without a search)."""
        if search is None and query.failure is None:
            return self.index.runs(query, limit), None
        lag = self.searched.catch_up()
        if search is None:
            return self.index.runs(query, limit), lag.seconds
        found = self.searched.page(query, search, limit)
        keyed = self.keyed(query, search, limit)
        if keyed:
            both = {row.run_id: row for row in (*found, *keyed)}.values()
            found = sorted(both, key=lambda row: place_in(row, query), reverse=query.order.descending)[:limit]
        return found, lag.seconds

    def keyed(self, query: RunQuery, search: SearchQuery, limit: int) -> list[RunRow]:
        """The runs of a page whose idempotency key is what is searched for, as a whole."""
        if search.text is None or query.work_orders is not None or not 0 < len(search.text) <= LONGEST_KEY:
            return []
        query = replace(query, work_orders=keyed_work_orders(self.index, query.workflow_id, search.text))
        if search.filters:
            return self.searched.page(query, SearchQuery(None, search.filters), limit)
        return self.index.runs(query, limit)


def run_query(
    index: Index,
    *,
    workflow_id: str | None,
    version: int | None,
    status: str | Sequence[str] | None = None,
    node: str | None = None,
    error_type: str | None = None,
    by: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    as_of: datetime | None = None,
    due_before: datetime | None = None,
    held: bool | None = None,
    queued: bool | None = None,
    owner: str | None = None,
    failure: str | None = None,
    idempotency_key: str | None = None,
    sort: str = "-started",
) -> RunQuery:
    """Check the filters. Raises InvalidRequest for an unknown status or order, or a naive time."""
    wanted = (status,) if isinstance(status, str) else status or ()
    if not isinstance(wanted, list | tuple | set | frozenset):
        raise InvalidRequest(f"status {quoted(status)} is neither one nor a list of several: {', '.join(RUN_STATUSES)}")
    order = check_order(sort)
    now_only: dict[str, Any] = {
        "due_before": due_before,
        "held": held,
        "queued": queued,
        "owner": owner,
        "failure": failure,
        f"sort by {order.by}": None if order.by == "started" else order,
    }
    if as_of is not None and (given := [name for name, value in now_only.items() if value is not None]):
        raise InvalidRequest(f"as_of asks for a past time, and {given[0]} is known of now alone: give one of them")
    for name, flag in (("held", held), ("queued", queued)):
        if flag is not None and type(flag) is not bool:
            raise InvalidRequest(f"{name} {quoted(flag)} is neither True nor False")
    return RunQuery(
        workflow_id=check_id(workflow_id, "workflow_id"),
        version=version,
        status=tuple(dict.fromkeys(check_known(RUN_STATUSES, name, "status") for name in wanted)),
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
        failure=None if failure is None else _read_failure(failure),
        work_orders=None if idempotency_key is None else keyed_work_orders(index, workflow_id, idempotency_key),
        order=order,
    )


def runs_page(
    lists: Lists,
    query: RunQuery,
    search: SearchQuery | None,
    columns: Sequence[ValueColumn],
    after: str | None,
    limit: int,
    header_of: Callable[[str], RunHeader],
) -> Page[RunSummary]:
    """A page of runs; ``header_of`` reads the header of an active run.

    Raises WorkflowNotFound, VersionNotFound.
    """
    check_limit(limit)
    filters = (query, search and search.asked)
    before = parse_cursor(after, filters)
    rows, lag = lists.runs(replace(query, before=before), search, limit + 1) if may_match(query) else ([], None)
    if not rows and after is None and query.workflow_id is not None:
        check_workflow(lists.index, query.workflow_id, query.version)
    page = make_page(rows, limit, lambda row: place_in(row, query), filters)
    items = [_run_summary(row, query, header_of) for row in page]
    if columns:
        lag = lists.searched.catch_up().seconds if lag is None else lag
        values = lists.details.values(columns, [row.id for row in items], query.as_of)
        items = [replace(row, columns=values[row.id]) for row in items]
    if search is not None and search.text is not None and items:
        keyed = {row.run_id for row in lists.keyed(replace(query, before=before), search, limit)}
        matches = lists.details.matches(search, [row.id for row in items], keyed, query.as_of)
        items = [replace(row, matches=matches.get(row.id)) for row in items]
    return Page(tuple(items), page.next, lag)


def may_match(query: RunQuery) -> bool:
    """Whether a run can match at all: a version is no larger than what is stored."""
    return query.version is None or query.version <= LAST


def may_have_ended(query: RunQuery) -> bool:
    """Whether a run that has ended can match: only those are removed."""
    if query.as_of is not None:
        return True
    of_others = (query.due_before, query.held or None, query.queued or None, query.owner)
    return all(each is None for each in of_others) and (not query.status or not ENDED.isdisjoint(query.status))


def _run_summary(row: RunRow, query: RunQuery, header_of: Callable[[str], RunHeader]) -> RunSummary:
    if row.status != "active":
        moved = query.as_of is not None or row.active_at is None
        return run_summary(row, row.node_id, None if moved else row_moment(row.active_at or 0))
    try:
        header = header_of(row.run_id)
        return run_summary(row, header.current_node_id, header.recorded_at)
    except StorageUnavailable:
        raise
    except FlowledgerError:
        return run_summary(row._replace(status=UNREADABLE), None, None)  # its last event is damaged; list the others


def _read_failure(failure: str) -> int:
    try:
        return fingerprint_of(check_text(failure, "failure") or "")
    except ValueError:
        raise InvalidRequest(
            f"failure {quoted(failure)} is no group of failures: give the id of one that history.failures lists"
        ) from None


def keyed_work_orders(index: Index, workflow_id: str | None, idempotency_key: str) -> tuple[str, ...]:
    """The work orders that the key stands for: a key is one of a workflow, so there may be one in each."""
    check_key(check_text(idempotency_key, "idempotency_key"))
    workflows = index.workflow_ids() if workflow_id is None else [workflow_id]
    return tuple(keyed_work_order_id(one, idempotency_key) for one in workflows)
