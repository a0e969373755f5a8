"""Starting runs: a work order is opened with its first run, or rejected with its input, and once for each key."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ....domain.errors import (
    ConcurrencyError,
    EventsLost,
    IdempotencyConflict,
    InvalidDefinition,
    WorkOrderRejected,
)
from ....domain.execution.step import Refusal, find_input_refusal
from ....domain.execution.step_loop import CallSettings
from ....domain.ports import ExpectedVersion, NewEvent, Write
from ....domain.run import RunState, evolve, start
from ....domain.subjects import bind, refuse_unreadable
from ....domain.values.clock import moment
from ....domain.values.idempotency import check_key
from ....domain.values.ids import keyed_work_order_id, subject_stream
from ....domain.values.json_compare import json_digest
from ....domain.values.names import check_name
from ....domain.work_order import WorkOrderState, open_work_order, reject
from ....domain.work_order import evolve as evolve_work_order
from ....domain.workflow.definition import WorkflowDefinition
from ....domain.workflow.graph_faults import start_faults
from ....projections.runs.run import Run
from ...execution.committer import Append
from ...execution.runner import PreparedCall
from ...new_id import new_id
from ...repositories.work_orders import find_work_order, load_started, load_work_order
from ...repositories.workflows import LATEST, LIVE
from .commands import PLAIN, Command, existing_run
from .known_starts import Runnable
from .run_services import Executed, RunServices


class StartRequest(NamedTuple):
    """The arguments of ``start``."""

    workflow_id: str
    payload: Any
    metadata: Mapping[str, Any]
    settings: CallSettings
    wait: bool
    version: int | str | None = None
    """None: the live one."""
    priority: int = 0
    run_at: int | None = None
    """Not before this time, in microseconds since 1970."""
    trigger: Mapping[str, Any] | None = None
    sealed_by: Sequence[str] = ()
    """Ids of the keys of its subjects."""


class IdempotencyKey(NamedTuple):
    """An idempotency key, and the work order and payload that it stands for."""

    text: str
    work_order_id: str
    payload_digest: str


def make_key(request: StartRequest, text: str) -> IdempotencyKey:
    """The key of this request. Raises InvalidRequest for what is no key."""
    check_key(text)
    return IdempotencyKey(text, keyed_work_order_id(request.workflow_id, text), json_digest(request.payload))


def start_once(services: RunServices, request: StartRequest, key: IdempotencyKey) -> PreparedCall[Run]:
    """Start the run that the key stands for; a later caller with the same key gets that run as it stands."""
    return once(services, request, key, lambda: start_new(services, request, key))


def once(
    services: RunServices, request: StartRequest, key: IdempotencyKey, begin: Callable[[], PreparedCall[Run]]
) -> PreparedCall[Run]:
    """The run that the key stands for: ``begin`` opens its work order, unless another call has."""
    known = find_work_order(services.store, key.work_order_id)
    if known is not None:
        return _return_existing(services, request, known, key)
    try:
        return begin()
    except ConcurrencyError as error:
        if error.stream != key.work_order_id:
            raise
        return _return_existing(services, request, load_work_order(services.store, key.work_order_id), key)


class Opening(NamedTuple):
    """A work order with its first run, decided by a version: what is to be stored, unless the input is refused."""

    runnable: Runnable
    state: RunState
    started: NewEvent
    opened: NewEvent
    settings: CallSettings
    refused: Refusal | None


def start_new(services: RunServices, request: StartRequest, key: IdempotencyKey | None = None) -> PreparedCall[Run]:
    """Open a work order with its first run. Raises WorkOrderRejected, after that is recorded.

    What the workflow starts with is remembered, so that a start is one round trip. It may have moved since. So neither
    an error nor a start by it counts unless it is still so. What was read for this call may have moved, too, or have
    gone: each refusal means that somebody has changed the workflow, so one of both always gets on.
    """
    if key is not None:
        check_name(key.text, "idempotency_key")
    load = partial(services.load_to_start, request.workflow_id, request.version)
    known = services.recall_to_start(request.workflow_id, request.version)
    try:
        opening = _decide(services, request, key, known or load())
    except Exception:
        if known is None or (found := load())[:3] == known[:3]:
            raise
        opening = _decide(services, request, key, found)
    while not _stores(services, request, opening):
        opening = _decide(services, request, key, load())
    if not request.wait:
        return services.answer(opening.state)
    return services.execute(opening.state, opening.runnable.plan, opening.settings)


def _decide(services: RunServices, request: StartRequest, key: IdempotencyKey | None, runnable: Runnable) -> Opening:
    """Raises ExecutorMissing, GlobalsMissing, and what supplies the globals raises."""
    settings, now = request.settings, services.now()
    first_node = start_node(runnable.plan.definition)
    if request.wait:
        services.check_executors(runnable.plan, first_node, request.workflow_id, runnable.version)
    run_id = new_id(now)
    work_order_id = key.work_order_id if key is not None else new_id(now)
    state = RunState(run_id)
    event = start(
        work_order_id,
        workflow_id=request.workflow_id,
        workflow_version=runnable.version,
        definition_digest=runnable.digest,
        start_node_id=first_node,
        code=services.code_now(runnable.plan.definition, runnable.known_code),
        payload=request.payload,
        metadata=request.metadata,
        by=settings.by,
        now=now,
        queued=not request.wait,
        priority=request.priority,
        run_at=request.run_at,
        trigger=request.trigger,
        sealed_by=request.sealed_by,
    )
    if request.wait:
        settings = services.supply_globals(settings, state, [event])
        runnable.refuse_missing_globals(event.data["start_node_id"], settings)
    refused = find_refusal(runnable, state, event, settings, wait=request.wait)
    opened = open_work_order(
        work_order_id,
        workflow_id=request.workflow_id,
        by=settings.by,
        now=now,
        run_id=run_id if refused is None else None,
        key=None if key is None else key.text,
        payload_digest=None if key is None else key.payload_digest,
        sealed_by=request.sealed_by,
    )
    return Opening(runnable, state, event, opened, settings, refused)


def _stores(services: RunServices, request: StartRequest, opening: Opening) -> bool:
    """Whether it was stored, or must be decided again. Raises as ``_store`` does."""
    guard = opening.runnable.guard
    try:
        _store(services, request, opening)
    except (ConcurrencyError, EventsLost) as error:
        if guard is None or error.stream != guard.stream:
            raise
        return False
    return True


def _store(services: RunServices, request: StartRequest, opening: Opening) -> None:
    """Raises ConcurrencyError, EventsLost, and WorkOrderRejected where that is what was recorded."""
    runnable, state, event, opened, settings, refused = opening
    work_order_id = event.data["correlation_id"]
    if refused is not None:
        rejected = WorkOrderState(work_order_id)
        evolve_work_order(rejected, *opened)
        rejection = Rejection(runnable.version, refused, request.payload, request.metadata)
        append = partial(services.append_on(runnable.guard), *bound_to(opened, [work_order_id]))
        raise record_rejection(append, rejected, rejection, settings, opened=[opened])
    work_order = Write(work_order_id, ExpectedVersion.NO_STREAM, [opened])
    bound = bound_to(opened, [str(state.run_id), work_order_id])
    executed = Executed(runnable.plan, settings) if request.wait else None
    services.begin(state, [event], work_order, *bound, executed=executed, guard=runnable.guard)


def bound_to(first: NewEvent, streams: list[str]) -> list[Write]:
    """What is stored with the first event of a stream that is sealed: that these streams belong to its subjects."""
    by, now = first.data["by"], first.data["recorded_at"]
    return [
        Write(subject_stream(key_id), ExpectedVersion.ANY, [bind(streams, by=by, now=now)])
        for key_id in first.data.get("sealed_by", ())
    ]


def find_refusal(
    runnable: Runnable, state: RunState, started: NewEvent, settings: CallSettings, *, wait: bool
) -> Refusal | None:
    """Why the schema of the first node refuses its input; None where it accepts it.

    A run that is queued isn't judged yet where its input needs globals, or its executor isn't here: the worker that
    executes it brings them.
    """
    planned = runnable.plan.nodes.get(started.data["start_node_id"])
    if planned is None or planned.validator is None or (planned.template.reads_globals and not wait):
        return None
    draft = RunState(state.run_id)
    evolve(draft, *started)
    return find_input_refusal(planned, draft, settings.globals, settings.now)


class Rejection(NamedTuple):
    """The input that a version refused, and why."""

    version: int
    refused: Refusal
    payload: Any
    metadata: Mapping[str, Any]


def record_rejection(
    append: Append,
    work_order: WorkOrderState,
    rejection: Rejection,
    settings: CallSettings,
    *,
    opened: Sequence[NewEvent] = (),
    command: Command = PLAIN,
) -> WorkOrderRejected:
    """Record that the input was refused, in one commit with ``opened`` where that isn't stored yet.

    Returns the error for the caller to raise.
    """
    version, refused, payload, metadata = rejection
    event = reject(
        work_order, version, *refused, payload=payload, metadata=metadata, by=settings.by, now=settings.now()
    )
    expected = work_order.version - len(opened) or ExpectedVersion.NO_STREAM
    append(Write(work_order.id, expected, [*opened, command.mark(event)]))
    return WorkOrderRejected(work_order.id, *refused)


def start_node(definition: WorkflowDefinition) -> str:
    """The start of the definition. Raises InvalidDefinition where it names none and the graph doesn't tell."""
    if definition.start is None:
        raise InvalidDefinition(start_faults(definition))
    return definition.start


def _return_existing(
    services: RunServices, request: StartRequest, work_order: WorkOrderState, key: IdempotencyKey
) -> PreparedCall[Run]:
    """The last run of the key's work order. Raises IdempotencyConflict, WorkOrderRejected."""
    refuse_unreadable(f"work order {work_order.id!r}", work_order.unreadable)
    if work_order.payload_digest != key.payload_digest or not _asks_for_first_version(services, request, work_order):
        raise IdempotencyConflict(
            key.text,
            work_order.by,
            moment(work_order.opened_at),
            workflow_id=work_order.workflow_id,
            work_order_id=work_order.id,
        )
    return existing_run(services.runs, work_order, None)


def _asks_for_first_version(services: RunServices, request: StartRequest, work_order: WorkOrderState) -> bool:
    """Whether the request names the version that the work order began with, or none: what is live may be another."""
    if request.version in (None, LIVE, LATEST):
        return True
    asked = services.workflows.get(work_order.workflow_id, request.version).version
    first = load_started(services.store, work_order.runs[0]) if work_order.runs else work_order.rejected or {}
    return bool(asked == first["workflow_version"])
