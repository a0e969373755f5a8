"""Branching off from runs."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, NamedTuple

from ....domain.errors import InvalidRequest
from ....domain.execution.step_loop import CallSettings
from ....domain.ports import RecordedEvent
from ....domain.rerun.fork import Edit, ForkPoint, edit_result
from ....domain.rerun.visits import check_answers, last_node_visit
from ....domain.run import STARTED, Origin, RunState
from ....domain.values.point_in_time import parse_moment
from ....domain.work_order import WorkOrderState
from ...execution.source_code import KnownCode
from ...repositories.as_of import event_at, version_at
from ...repositories.origins import events_backwards
from .known_starts import Runnable
from .preview import compare_with_now
from .rerun import Rerun
from .run_services import RunServices


class ForkRequest(NamedTuple):
    """Where a fork branches off, and what it changes."""

    run_id: str
    version: int | None
    payload: Any
    edit: Edit | None
    workflow_version: int | str | None
    settings: CallSettings
    answers: Collection[str] = ()
    """Nodes that keep what they were answered although their question has changed."""


def plan_fork(services: RunServices, work_order: WorkOrderState, request: ForkRequest) -> Rerun:
    """A branch of a run of this work order, from one of its versions.

    Raises RunNotFound, VersionNotFound, IllegalTransition (the definition lacks the node that is next), InvalidRequest
    (there is nothing to edit, or nothing that would see the payload).
    """
    run_id, version, payload, edit, workflow_version, settings, answers = request
    head = services.store.head(run_id)
    at = version_at(services.store, run_id, parse_moment(version, None), head, f"run {run_id!r}")
    source = services.runs.load(run_id, at)
    runnable = services.load_version(
        source.workflow_id, source.workflow_version if workflow_version is None else workflow_version
    )
    fork_point = ForkPoint(
        run_id,
        at,
        runnable.workflow_id,
        runnable.version,
        runnable.plan,
        lambda: services.supply_globals(settings, source).globals,
        lambda event: _state_before(services, event),
    )
    edited = None
    if edit is not None:
        edited = edit_result(edit, events_backwards(services.store, run_id, source.origin, at), fork_point)
    node_id = source.current_node_id if edited is None else edited.get("next_node_id")
    if node_id is not None:
        fork_point.check_node(node_id)
    elif payload is not None:
        raise InvalidRequest(f"{fork_point.label} has nothing left to run, so no step would see the payload")
    check_answers(answers, None if source.answer is None or edited is not None else node_id, fork_point.label)
    origin: Origin = {"kind": "fork", "run_id": run_id, "version": at}
    rerun = Rerun(work_order, run_id, runnable, node_id, payload, origin, source, edited)
    keeps_answer = payload is not None or edited is not None or node_id in answers
    if node_id is None or keeps_answer or not _has_other_question(services, source, node_id, runnable):
        return rerun
    visit = last_node_visit(node_id, events_backwards(services.store, run_id, source.origin, at))
    seen = services.runs.load(visit.run_id, visit.version).payload
    return replace(rerun, payload=seen, asks_again=True, answers=visit.answers)


def _has_other_question(services: RunServices, source: RunState, node_id: str, runnable: Runnable) -> bool:
    """Whether the node has asked or been answered, and would now ask otherwise: its definition or code has changed."""
    if source.wait is None and source.answer is None:
        return False
    ran = compare_with_now(services, str(source.run_id), KnownCode(source.code), runnable.plan.definition)
    return ran.is_redefined(node_id) or ran.is_recoded(node_id)


def _state_before(services: RunServices, event: RecordedEvent) -> RunState:
    """The run before the step whose result the event holds; an edited result stands for the one that it replaced."""
    while event.type == STARTED:
        edited = event.data["edited"]
        event = event_at(services.store, edited["run_id"], edited["version"])
    return services.runs.load(event.stream, event.version - 1)
