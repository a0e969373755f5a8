"""Branching off from runs."""

from typing import Any, NamedTuple

from ....domain.errors import InvalidRequest
from ....domain.execution.step_loop import CallSettings
from ....domain.ports import RecordedEvent
from ....domain.rerun.fork import Edit, ForkPoint, edit_result
from ....domain.run import STARTED, Origin, RunState
from ....domain.values.point_in_time import parse_moment
from ...repositories.as_of import event_at, version_at
from ...repositories.origins import events_backwards
from ...repositories.work_orders import find_work_order_and_run
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


def plan_fork(services: RunServices, request: ForkRequest) -> Rerun:
    """A branch of a run, from one of its versions.

    Raises RunNotFound, VersionNotFound, IllegalTransition (the definition lacks the node that is next), InvalidRequest
    (there is nothing to edit, or nothing that would see the payload).
    """
    run_id, version, payload, edit, workflow_version, settings = request
    work_order, _ = find_work_order_and_run(services.store, run_id)
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
    origin: Origin = {"kind": "fork", "run_id": run_id, "version": at}
    return Rerun(work_order, run_id, runnable, node_id, payload, origin, source, edited)


def _state_before(services: RunServices, event: RecordedEvent) -> RunState:
    """The run before the step whose result the event holds; an edited result stands for the one that it replaced."""
    while event.type == STARTED:
        edited = event.data["edited"]
        event = event_at(services.store, edited["run_id"], edited["version"])
    return services.runs.load(event.stream, event.version - 1)
