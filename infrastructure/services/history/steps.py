"""Lists of steps and of failures over all runs, of ``ledger.history``."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ....projections.pagination import Page
from ....projections.runs.summary import WorkOrderSummary
from ....projections.steps.summary import FailurePage, StepSummary
from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...queries.history_beginning import HistoryBeginnings
from ...queries.steps.failures import Failures, failure_query
from ...queries.steps.page import Steps, step_query
from ...queries.steps.values import step_filters


class StepLists:
    """They follow the log with the search; each call first takes in what was written lately."""

    _steps: Steps
    _failures: Failures
    _beginnings: HistoryBeginnings
    _threads: Threads

    def steps(
        self,
        workflow_id: str | None = None,
        node: str | None = None,
        status: str | Sequence[str] | None = None,
        error_type: str | None = None,
        longer_than: timedelta | float | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        where: str | Sequence[str] = (),
        after: str | None = None,
        limit: int = 50,
    ) -> Page[StepSummary]:
        """List the attempts at nodes of all runs, the newest first, a page at a time. Every filter that is given must
        hold.

        ``status``: ``completed``, ``failed`` or ``paused``, or several: what came of the attempt, so a failed one is
        found also where its run was retried and has completed. ``node``: the id of a node. ``error_type``: of the
        attempt's own error. ``longer_than``: a timedelta, or seconds, inside the executor. ``since`` and ``until``:
        when the attempt began. ``where``: conditions on the attempt's ``input``, ``output`` and ``error``, and on
        ``payload`` and ``metadata`` of its run, such as ``output.total > 10`` or ``payload.customer=acme``; steps are
        then looked at one by one, 20,000 for a page at most.

        ``Page.behind`` says how far the list still is behind the log, in seconds; ``Page.begins``, what was removed of
        what it reaches back to.

        Raises InvalidRequest, WorkflowNotFound.
        """
        query = step_query(workflow_id, node, status, error_type, longer_than, since, until)
        page = self._steps.page(query, step_filters(where), after, limit)
        return self._beginnings.mark(page, workflow_id, since, lambda step: step.started_at)

    def failures(
        self,
        workflow_id: str | None = None,
        node: str | None = None,
        error_type: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        retried: bool = False,
        after: str | None = None,
        limit: int = 50,
    ) -> FailurePage:
        """List failures in groups of those that are alike, the largest first, a page at a time.

        Those are alike that have workflow, node, type of error and message in common, but for numbers, ids and quoted
        values in it. By default a failure is one by which its run has failed, so a group counts runs; a run that was
        retried since stays counted, as it did fail. ``retried=True`` also counts the failures after which a run went
        on: by an automatic retry, or an edge for failures. ``node``: the id of the node that failed. ``error_type``: of
        its error. ``since`` and ``until``: when they failed.

        Work orders whose input was refused never had a run that could fail: the newest of them are in the first page's
        ``rejected``, unless ``node`` or ``error_type`` is asked for.

        ``Page.behind`` says how far the list still is behind the log, in seconds; ``Page.begins``, what was removed of
        what it reaches back to.

        Raises InvalidRequest, WorkflowNotFound.
        """
        query = failure_query(workflow_id, node, error_type, since, until, retried=retried)
        found = self._beginnings.mark(self._failures.page(query, after, limit), workflow_id, since)
        rejected = Page[WorkOrderSummary]((), None)
        if after is None and node is None and error_type is None:
            rejected = self.work_orders(workflow_id, "rejected", since=since, until=until, limit=limit)
        return FailurePage(found.items, found.next, found.behind, found.begins, rejected)

    def work_orders(
        self,
        workflow_id: str | None = None,
        state: str | None = None,
        by: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[WorkOrderSummary]:
        """The list of work orders."""
        raise NotImplementedError

    asteps = run_in_thread(steps)
    afailures = run_in_thread(failures)
