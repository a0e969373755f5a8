"""Lists of runs and work orders, and how many there are, of ``ledger.history``."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ....domain.errors import InvalidRequest
from ....domain.run import RunHeader
from ....domain.visible import quoted
from ....projections.counts import Counts, RunGroup
from ....projections.index.query import RunQuery, Sort
from ....projections.pagination import Page
from ....projections.runs.open_waits import WaitSummary
from ....projections.runs.summary import RunSummary, WorkOrderSummary
from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...queries.counting import count_runs
from ...queries.history_beginning import HistoryBeginnings
from ...queries.listing import MAX_LIMIT, work_order_query, work_orders_page
from ...queries.runs_page import Lists, may_have_ended, run_query, runs_page
from ...queries.search.columns import value_columns
from ...queries.search.query import search_query
from ...queries.waits import wait_query, waits_page
from ...repositories.runs import RunRepository
from ...repositories.workflows import WorkflowRepository

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore


class RunLists:
    """They read the index, which every append keeps up to date, and the search, which follows the log."""

    _store: "LedgerEventStore"
    _runs: RunRepository
    _workflows: WorkflowRepository
    _lists: Lists
    _beginnings: HistoryBeginnings
    _threads: Threads

    def runs(
        self,
        workflow_id: str | None = None,
        version: int | str | None = None,
        status: str | Sequence[str] | None = None,
        node: str | None = None,
        error_type: str | None = None,
        by: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        where: str | Sequence[str] = (),
        as_of: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
        due_before: datetime | None = None,
        held: bool | None = None,
        queued: bool | None = None,
        owner: str | None = None,
        failure: str | None = None,
        idempotency_key: str | None = None,
        sort: Sort = "-started",
        columns: str | Sequence[str] = (),
    ) -> Page[RunSummary]:
        """List runs, newest first, a page at a time. Every filter that is given must hold.

        ``workflow_id`` and ``version`` (number or snapshot id): which workflow, and which version of it ran.
        ``status``: one of ``active``, ``paused``, ``error``, ``completed``, ``failed``, ``cancelled``, or several.
        ``node``: where the run is paused, waits or failed. ``error_type``: of the failure that it waits after or ended
        with. ``by``: who started it. ``since`` and ``until``: when it was started. ``text``: words that begin words of
        its ids, errors, logs or values, or a whole idempotency key. ``where``: conditions on payload, output (by node)
        and metadata, such as ``output["score"].value > 10`` or ``payload.customer=acme``. ``idempotency_key``: of the
        start of its work order. ``as_of``: list the runs as they stood at that time. Of now alone: ``due_before``: they
        go on by themselves before that time; ``held``: whether an operator holds them; ``queued``: whether they wait
        for a worker that begins; ``owner``: the id of the worker that executes them; ``failure``: they have failed
        alike, the id of a group of ``failures``.

        ``sort``: by ``started``, ``ended``, ``activity`` (their last event) or ``duration``; with ``-`` in front the
        latest or longest first. A run that hasn't ended counts as later and longer than all that have; one that is
        executed now as active later than all others. ``columns``: values of each run to list as well, such as
        ``payload.order_id`` or ``output["score"].value``; they are in ``RunSummary.columns``.

        With ``text``, ``RunSummary.matches`` says what was found where, for as many runs of the page as 2,000 events
        tell. ``text``, ``where``, ``failure`` and ``columns`` first index what was written lately; ``Page.behind`` says
        how far the search still is behind the log. ``Page.begins`` says what was removed of what the page reaches back
        to, under retention policies: a list as of a time before lacks runs that were there then.

        Raises InvalidRequest, WorkflowNotFound, VersionNotFound.
        """
        query = self._query(
            workflow_id,
            version,
            status=status,
            node=node,
            error_type=error_type,
            by=by,
            since=since,
            until=until,
            as_of=as_of,
            due_before=due_before,
            held=held,
            queued=queued,
            owner=owner,
            failure=failure,
            idempotency_key=idempotency_key,
            sort=sort,
        )
        search, shown = search_query(text, where), value_columns(columns)
        page = runs_page(self._lists, query, search, shown, after, limit, lambda run_id: self.header(run_id, at=as_of))
        if not may_have_ended(query):
            return page
        by_start = sort == "-started"
        return self._beginnings.mark(page, workflow_id, since, _started_at if by_start else None)

    def counts(
        self,
        group: RunGroup = "status",
        workflow_id: str | None = None,
        version: int | str | None = None,
        status: str | Sequence[str] | None = None,
        node: str | None = None,
        error_type: str | None = None,
        by: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        where: str | Sequence[str] = (),
        as_of: datetime | None = None,
        due_before: datetime | None = None,
        held: bool | None = None,
        queued: bool | None = None,
        owner: str | None = None,
        failure: str | None = None,
        limit: int = MAX_LIMIT,
        idempotency_key: str | None = None,
    ) -> Counts:
        """Count runs by a value that they have in common; the filters are those of ``runs``.

        ``group``: ``status``, ``node`` (where it is paused, waits or failed), ``error_type``, ``workflow``, ``version``
        (of one workflow), ``actor`` (who started it), ``day`` (UTC, on which it was started). Each count is that of the
        runs which ``runs`` lists with that value as a filter; runs that have none aren't counted. The largest numbers
        come first, of days the newest; at most ``limit`` of them. Also ``due_before``, ``held``, ``queued``, ``owner``,
        ``failure`` and ``idempotency_key`` are as there. What ``text`` or ``where`` finds is counted one by one. The
        list has ``begins``, as pages have.

        Raises InvalidRequest (also where a search finds too many to be counted), WorkflowNotFound, VersionNotFound.
        """
        query = self._query(
            workflow_id,
            version,
            status=status,
            node=node,
            error_type=error_type,
            by=by,
            since=since,
            until=until,
            as_of=as_of,
            due_before=due_before,
            held=held,
            queued=queued,
            owner=owner,
            failure=failure,
            idempotency_key=idempotency_key,
        )
        counted = count_runs(self._lists, group, query, search_query(text, where), limit)
        return Counts(counted, self._beginnings.find(workflow_id, since) if may_have_ended(query) else None)

    def work_orders(
        self,
        workflow_id: str | None = None,
        state: str | None = None,
        by: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
        sort: Sort = "-started",
    ) -> Page[WorkOrderSummary]:
        """List work orders, newest first, a page at a time. Every filter that is given must hold.

        ``state`` is ``rejected``, ``pending``, ``running``, ``paused``, ``success``, ``failed`` or ``cancelled``.
        ``by`` is who opened the work order, ``since`` and ``until`` when. ``sort`` is as in ``runs``: a work order
        starts when it is opened, ends with its last run, and is as active as that is. ``Page.begins`` is as there.

        Raises InvalidRequest, WorkflowNotFound.
        """
        query = work_order_query(workflow_id, state, by, since, until, sort)
        page = work_orders_page(self._lists.index, query, after, limit, self.header)
        if state in ("pending", "running", "paused"):
            return page
        return self._beginnings.mark(page, workflow_id, since, _opened_at if sort == "-started" else None)

    def waits(
        self,
        workflow_id: str | None = None,
        node: str | None = None,
        due_before: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[WaitSummary]:
        """List the open waits of all runs, those first that were asked first. Every filter that is given must hold.

        ``node`` is the id of the node that asked, ``due_before`` bounds the deadline: a wait without one isn't listed.
        Also waits of held runs are listed, and marked. A page continues after the last wait of the one before.

        Raises InvalidRequest, WorkflowNotFound.
        """
        query = wait_query(workflow_id, node, due_before)
        return waits_page(self._store, self._lists.index, query, after, limit, lambda *at: self._runs.load(*at).wait)

    def header(self, run_id: str, version: int | None = None, at: datetime | None = None) -> RunHeader:
        """Where a run stood."""
        raise NotImplementedError

    def _query(self, workflow_id: str | None, version: int | str | None, **filters: Any) -> RunQuery:
        number = None
        if version is not None:
            if workflow_id is None:
                raise InvalidRequest(f"version {quoted(version)} of which workflow? Give workflow_id too")
            number = self._workflows.resolve_version(workflow_id, version)
        return run_query(self._lists.index, workflow_id=workflow_id, version=number, **filters)

    aruns = run_in_thread(runs)
    acounts = run_in_thread(counts)
    awork_orders = run_in_thread(work_orders)
    awaits = run_in_thread(waits)


def _started_at(run: RunSummary) -> datetime:
    return run.started_at


def _opened_at(work_order: WorkOrderSummary) -> datetime:
    return work_order.opened_at
