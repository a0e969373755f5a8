"""What it takes to repeat a run, decided and not started yet: which version, from which node, with what."""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

from ....domain.errors import IllegalTransition
from ....domain.execution.cycle import CallSettings
from ....domain.execution.step import Refusal
from ....domain.ports import NewEvent
from ....domain.rerun.retry import last_visit, refuse_unended, refuse_unknown
from ....domain.run import EditedResult, Origin, RunState, evolve, go_on_as_fork, start
from ....domain.values.clock import behind
from ....domain.work_order import WorkOrderState
from ...execution.source_code import KnownCode
from ...new_id import new_id
from ...repositories.origins import events_backwards, origin_in
from ...repositories.work_orders import order_and_run, order_input, started
from .context import Runnable, Workbench
from .start import refused_input, start_node


@dataclass(frozen=True, slots=True)
class Repetition:
    """A run of a work order that may be started."""

    order: WorkOrderState
    source_id: str | None
    """The run that is repeated; None for a rejected work order."""
    runnable: Runnable
    start_node_id: str | None
    """None: nothing is left to run."""
    payload: Any
    origin: Origin | None
    past: RunState | None = None
    """The origin's run at its version, where the new one begins with anything of it."""
    edited: EditedResult | None = None
    """What a fork puts in place of its last result."""

    @property
    def is_fork(self) -> bool:
        return self.origin is not None and self.origin["kind"] == "fork"

    @property
    def begins_active(self) -> bool:
        """Whether its first event leaves something to run."""
        if self.past is None or not self.is_fork:
            return True
        return self.start_node_id is not None and (self.edited is not None or self.past.status == "active")


def retry_of(bench: Workbench, some_id: str, from_node: str | None) -> Repetition:
    """A retry of a run, or of a work order's last run, with the latest version.

    Raises RunNotFound, WorkflowNotFound, IllegalTransition, InvalidRequest (a node that the run never came to).
    """
    return retry_in(bench, *order_and_run(bench.store, some_id), from_node)


def retry_in(bench: Workbench, order: WorkOrderState, run_id: str | None, from_node: str | None) -> Repetition:
    """The same, of a run of this work order: what is decided holds for as long as the order has this version."""
    _refuse_early(bench, order, run_id)
    runnable = bench.latest(order.workflow_id)
    if from_node is not None:
        return _from_node(bench, order, run_id, runnable, from_node)
    origin: Origin | None = None if run_id is None else {"kind": "retry", "run_id": run_id, "version": 0}
    payload = order_input(bench.store, order)
    return Repetition(order, run_id, runnable, start_node(runnable.plan.definition), payload, origin)


def reproduction_of(bench: Workbench, run_id: str) -> Repetition:
    """A run again, from where it started, with its own version and payload, and what it reused.

    Raises RunNotFound, IllegalTransition (a fork that began with nothing left to run).
    """
    first = started(bench.store, run_id)
    if "start_node_id" not in first:
        raise IllegalTransition(f"run {run_id!r} is a fork of a run that was complete: reproduce that one")
    order, _ = order_and_run(bench.store, run_id)
    runnable = bench.pinned(first["workflow_id"], first["workflow_version"])
    begun = bench.states.load(run_id, 1)
    reuses = (origin_in(run_id, first) or {"version": 0})["version"] > 0
    origin: Origin = {"kind": "reproduction", "run_id": run_id, "version": 1 if reuses else 0}
    return Repetition(order, run_id, runnable, first["start_node_id"], begun.payload, origin, begun)


def _refuse_early(bench: Workbench, order: WorkOrderState, run_id: str | None) -> None:
    if run_id is None:
        return
    refuse_unended(run_id, bench.states.header(run_id).status)
    last = order.last_run_id
    if last is not None and last != run_id:
        refuse_unended(last, bench.states.header(last).status, order.id)


def _from_node(
    bench: Workbench, order: WorkOrderState, run_id: str | None, runnable: Runnable, node_id: str
) -> Repetition:
    """The node runs again and sees the payload that its last visit saw; what came before that visit is reused."""
    if run_id is None:
        raise IllegalTransition(f"work order {order.id} was rejected and has no run: retry it from the start")
    origin = origin_in(run_id, started(bench.store, run_id))
    visit = last_visit(node_id, events_backwards(bench.store, run_id, origin))
    refuse_unknown(node_id, runnable.plan.definition, runnable.workflow_id, runnable.version)
    before = bench.states.load(visit.run_id, visit.version)
    return Repetition(
        order, run_id, runnable, node_id, before.payload,
        {"kind": "retry", "run_id": visit.run_id, "version": visit.version}, before,
    )  # fmt: skip


class Draft(NamedTuple):
    """The run that a repetition comes to, not stored yet."""

    state: RunState
    events: list[NewEvent]
    """That it has started, and how a fork goes on whose source didn't run."""
    metadata: Mapping[str, Any]
    refused: Refusal | None
    """What keeps a rejected work order rejected. A run that is repeated is judged by its first step."""


def drafted(
    bench: Workbench, repetition: Repetition, settings: CallSettings, metadata: Mapping[str, Any], *,
    wait: bool, run_id: str | None = None,
) -> Draft:  # fmt: skip
    """The first event of the run. Where no metadata is given, a rejected work order's is that of its start."""
    order, runnable = repetition.order, repetition.runnable
    now = behind(order.recorded_at, bench.now())
    state = RunState(run_id or new_id(now))
    if repetition.past is not None and repetition.origin is not None:
        state.begin_with(repetition.past, repetition.origin)
    kept = metadata or (order.rejected or {}).get("metadata", {})
    event = start(
        order.id, workflow_id=runnable.workflow_id, workflow_version=runnable.version,
        definition_digest=runnable.digest, start_node_id=repetition.start_node_id,
        code=bench.code_now(runnable.plan.definition, _known_code(bench, repetition)),
        payload=repetition.payload, metadata=kept, by=settings.by, now=now, origin=repetition.origin,
        edited=repetition.edited, queued=not wait and repetition.begins_active,
    )  # fmt: skip
    if repetition.source_id is None:
        return Draft(state, [event], kept, refused_input(runnable, state, event, settings, wait=wait))
    return Draft(state, [event, *_going_on(repetition, state, event, settings, wait=wait)], kept, None)


def _going_on(
    repetition: Repetition, state: RunState, started: NewEvent, settings: CallSettings, *, wait: bool
) -> Iterator[NewEvent]:
    """What a fork does behind its first event, where its source didn't run."""
    if repetition.is_fork:
        begun = copy(state)
        evolve(begun, *started)
        given = repetition.payload is not None
        event = go_on_as_fork(begun, given=given, by=settings.by, now=begun.recorded_at, queued=not wait)
        yield from () if event is None else (event,)


def _known_code(bench: Workbench, repetition: Repetition) -> KnownCode:
    """Code that needs no record: what was saved and, for a reproduction, is also what ran then."""
    saved = repetition.runnable.known_code
    if repetition.source_id is None or repetition.origin is None or repetition.origin["kind"] != "reproduction":
        return saved
    ran = bench.states.load(repetition.source_id)
    same = {type: digest for type, digest in saved.digests.items() if ran.code.get(type) == digest}
    return KnownCode(same, ran.distributions)
