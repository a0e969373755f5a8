"""Repeating runs: retries with the live version, reproductions with the pinned one."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ....domain.errors import AlreadyRetried, IllegalTransition, InvalidRequest, raw_message
from ....domain.rerun.retry import RetryPreview, refuse_unended, refuse_unknown
from ....domain.rerun.visits import NodeVisit, check_answers, last_node_visit
from ....domain.run import Origin
from ....domain.status import ENDED
from ....domain.values.clock import moment
from ....domain.values.json import freeze
from ....domain.work_order import WorkOrderState
from ....projections.runs.run import Run
from ...execution.runner import PreparedCall
from ...repositories.origins import events_backwards, origin_in
from ...repositories.work_orders import find_work_order_and_run, load_started, work_order_input
from .commands import make_command, sorted_names
from .known_starts import Runnable
from .preview import preview_rerun
from .rerun import Rerun, RerunOptions, draft_rerun, refuse_run_moved_on, repeat_once
from .run_services import RunServices
from .start import start_node


class RetryRequest(NamedTuple):
    """The arguments of ``retry``, as the caller gave them."""

    run_id: str
    from_node: str | None
    by: str
    globals: Mapping[str, Any] | None
    step_limit: int | None
    wait: bool
    metadata: Mapping[str, Any] | None
    answers: Collection[str]
    again: bool
    expected_version: int | None
    key: str | None
    reason: str | None = None

    def options(self, services: RunServices) -> RerunOptions:
        """Raises InvalidRequest, InvalidValue."""
        settings = services.settings(self.by, self.globals, self.step_limit)
        metadata = services.freeze_metadata(self.metadata or {})
        command = make_command(
            "retry",
            self.expected_version,
            self.key,
            from_node=self.from_node,
            metadata=metadata or None,
            again=self.again or None,
            answers=sorted_names(self.answers),
            reason=self.reason,
        )
        freeze(self.reason, "reason")
        return RerunOptions(settings, metadata, self.wait, command=command, reason=self.reason)


def start_retry(services: RunServices, request: RetryRequest) -> PreparedCall[Run]:
    """Start the retry. Raises what ``repeat_once`` and ``plan_retry_in`` raise, AlreadyRetried."""

    def plan(work_order: WorkOrderState, run_id: str | None) -> Rerun:
        done = None if request.again else find_retry(services, work_order, request.run_id, run_id)
        if done is not None:
            raise done
        return plan_retry_in(services, work_order, run_id, request.from_node, request.answers)

    return repeat_once(services, request.run_id, plan, request.options(services))


def preview_retry(services: RunServices, request: RetryRequest) -> RetryPreview:
    """Compare what would run with what ran then, and change nothing.

    Raises what ``plan_retry_in`` raises, AlreadyRetried (by a run that has not ended: no retry is possible until then).
    """
    options = request.options(services)
    work_order, run_id = find_work_order_and_run(services.store, request.run_id)
    refuse_run_moved_on(services, work_order, run_id, options.command)
    done = find_retry(services, work_order, request.run_id, run_id)
    if done is not None and done.status not in ENDED:
        raise done
    rerun = plan_retry_in(services, work_order, run_id, request.from_node, request.answers)
    preview = preview_rerun(services, rerun, draft_rerun(services, rerun, options).refused)
    return preview if done is None else replace(preview, retried=raw_message(done))


def find_retry(
    services: RunServices, work_order: WorkOrderState, some_id: str, run_id: str | None
) -> AlreadyRetried | None:
    """What says that the work was done once more already, or need not be; None where it may be retried.

    ``some_id`` was given, and stands for the run.
    """
    last = work_order.last_run_id
    if last is None:
        return None
    status = services.runs.header(last).status
    if not _is_retried(work_order, run_id) and (status != "completed" or some_id == last):
        return None
    begun = work_order.entries[last]
    return AlreadyRetried(some_id, work_order.id, last, status, begun.by, moment(begun.at))


def _is_retried(work_order: WorkOrderState, run_id: str | None) -> bool:
    """Whether a retry was entered after the run."""
    entered = list(work_order.entries)
    later = entered[entered.index(run_id) + 1 :] if run_id in work_order.entries else []
    return any(work_order.entries[one].kind == "retry" for one in later)


def plan_retry_in(
    services: RunServices,
    work_order: WorkOrderState,
    run_id: str | None,
    from_node: str | None,
    answers: Collection[str] = (),
) -> Rerun:
    """A retry of a run of this work order with the live version; it holds while the work order has this version.

    Raises WorkflowNotFound, IllegalTransition, InvalidRequest (a node that the run never came to).
    """
    check_answers(answers, from_node, "the retry")
    _refuse_unended_runs(services, work_order, run_id)
    runnable = services.load_to_start(work_order.workflow_id)
    if from_node is not None:
        return _plan_from_node(services, work_order, run_id, runnable, from_node, reuses_answer=bool(answers))
    origin: Origin | None = None if run_id is None else {"kind": "retry", "run_id": run_id, "version": 0}
    _refuse_unknown_input(services, work_order)
    payload = work_order_input(services.store, work_order)
    return Rerun(work_order, run_id, runnable, start_node(runnable.plan.definition), payload, origin)


def _refuse_unknown_input(services: RunServices, work_order: WorkOrderState) -> None:
    """Raises IllegalTransition for a work order whose first run adopted a snapshot."""
    if work_order.runs and "adopted" in load_started(services.store, work_order.runs[0]):
        raise IllegalTransition(
            f"run {work_order.runs[0]!r} was adopted from a snapshot, so what its workflow was started with isn't on "
            "record: retry it from a node that it came to (from_node=, --from)"
        )


def plan_reproduction(services: RunServices, work_order: WorkOrderState, run_id: str) -> Rerun:
    """A run of this work order again, from its start, with its own version and payload, and the results that it reused.

    Raises RunNotFound, IllegalTransition (a fork that began with nothing left to run).
    """
    first = load_started(services.store, run_id)
    if "start_node_id" not in first:
        if "adopted" in first:
            raise IllegalTransition(f"run {run_id!r} adopted a snapshot that was complete: nothing of it ran here")
        raise IllegalTransition(f"run {run_id!r} is a fork of a run that was complete: reproduce that one")
    runnable = services.load_version(first["workflow_id"], first["workflow_version"])
    begun = services.runs.load(run_id, 1)
    payload = begun.payload
    if begun.wait is not None or begun.answer is not None:  # it began with what an earlier run had asked: it asks anew
        visit = last_node_visit(first["start_node_id"], events_backwards(services.store, run_id, begun.origin, 1))
        payload = services.runs.load(visit.run_id, visit.version).payload
    reuses = "adopted" in first or (origin_in(run_id, first) or {"version": 0})["version"] > 0
    origin: Origin = {"kind": "reproduction", "run_id": run_id, "version": 1 if reuses else 0}
    return Rerun(work_order, run_id, runnable, first["start_node_id"], payload, origin, begun)


def _refuse_unended_runs(services: RunServices, work_order: WorkOrderState, run_id: str | None) -> None:
    """Raises IllegalTransition while the run, or the last run of the work order, hasn't ended."""
    if run_id is None:
        return
    header = services.runs.header(run_id)
    refuse_unended(run_id, header.status, is_held=header.held)
    last = work_order.last_run_id
    if last is not None and last != run_id:
        header = services.runs.header(last)
        refuse_unended(last, header.status, is_held=header.held, work_order_id=work_order.id)


def _plan_from_node(
    services: RunServices,
    work_order: WorkOrderState,
    run_id: str | None,
    runnable: Runnable,
    node_id: str,
    *,
    reuses_answer: bool,
) -> Rerun:
    """The node runs again with the payload that its last visit saw; the results from before that visit are reused.

    Where the node had asked, it asks again, unless the answer is reused.
    """
    if run_id is None:
        raise IllegalTransition(f"work order {work_order.id} was rejected and has no run: retry it from the start")
    origin = origin_in(run_id, load_started(services.store, run_id))
    visit = last_node_visit(node_id, events_backwards(services.store, run_id, origin))
    refuse_unknown(node_id, runnable.plan.definition, runnable.workflow_id, runnable.version)
    before = services.runs.load(visit.run_id, visit.version)
    retry_origin: Origin = {"kind": "retry", "run_id": visit.run_id, "version": visit.version}
    rerun = Rerun(work_order, run_id, runnable, node_id, before.payload, retry_origin, before, answers=visit.answers)
    return _with_answer(services, rerun, visit) if reuses_answer else rerun


def _with_answer(services: RunServices, rerun: Rerun, visit: NodeVisit) -> Rerun:
    """The same with the last answer of the visit. Raises InvalidRequest where it had none."""
    if not visit.answers:
        raise InvalidRequest(
            f"answers={[rerun.start_node_id]!r}: nobody answered a question of that node in run {visit.run_id!r}"
        )
    last = visit.answers[-1]
    answered = services.runs.load(last.run_id, last.version)
    return replace(rerun, payload=answered.payload, given_answer=answered.answer)
