"""Starting runs: a work order is opened with its first run, or rejected with its input, and once for each key."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ....domain.errors import (
    ConcurrencyError,
    IdempotencyConflict,
    InvalidDefinition,
    InvalidRequest,
    WorkOrderRejected,
)
from ....domain.execution.cycle import CallSettings, cycle
from ....domain.execution.step import Refusal, refusal
from ....domain.ports import EventStore, ExpectedVersion, NewEvent, Write
from ....domain.run import RunState, evolve, start
from ....domain.values.clock import moment
from ....domain.values.ids import keyed_work_order_id
from ....domain.values.json import json_digest
from ....domain.values.names import check_name
from ....domain.visible import quoted
from ....domain.work_order import WorkOrderState, open_work_order, reject
from ....domain.work_order import evolve as evolve_order
from ....domain.workflow.definition import WorkflowDefinition, start_faults
from ....projections.runs.run import Run, run_of
from ....projections.runs.work_order import issues_of
from ...execution.runner import Execution
from ...new_id import new_id
from ...repositories.work_orders import find_order, load_order
from .context import Runnable, Workbench


class Request(NamedTuple):
    """What a caller of ``start`` gives."""

    workflow_id: str
    payload: Any
    metadata: Mapping[str, Any]
    settings: CallSettings
    wait: bool


class Key(NamedTuple):
    """An idempotency key with what it stands for."""

    text: str
    work_order_id: str
    payload_digest: str


def key_of(request: Request, text: str) -> Key:
    """Raises InvalidRequest for what is no key."""
    if not isinstance(text, str) or not text:
        raise InvalidRequest(f"idempotency_key {quoted(text)}: a key is text, not empty")
    return Key(text, keyed_work_order_id(request.workflow_id, text), json_digest(request.payload))


def start_once(bench: Workbench, request: Request, key: Key) -> Execution[Run]:
    """The run that the key stands for: the first caller starts it, whoever comes later gets it as it stands."""
    known = find_order(bench.store, key.work_order_id)
    if known is not None:
        return _as_it_stands(bench, known, key)
    try:
        return start_new(bench, request, key)
    except ConcurrencyError as error:
        if error.stream != key.work_order_id:
            raise
        return _as_it_stands(bench, load_order(bench.store, key.work_order_id), key)


def start_new(bench: Workbench, request: Request, key: Key | None = None) -> Execution[Run]:
    """Open a work order with its first run. Raises WorkOrderRejected, when that is recorded."""
    if key is not None:
        check_name(key.text, "idempotency_key")
    settings, now = request.settings, bench.now()
    runnable = bench.latest(request.workflow_id)
    run_id = new_id(now)
    order_id = key.work_order_id if key is not None else new_id(now)
    state = RunState(run_id)
    event = start(
        order_id, workflow_id=request.workflow_id, workflow_version=runnable.version,
        definition_digest=runnable.digest, start_node_id=start_node(runnable.plan.definition),
        code=bench.code_now(runnable.plan.definition, runnable.known_code),
        payload=request.payload, metadata=request.metadata, by=settings.by, now=now, queued=not request.wait,
    )  # fmt: skip
    refused = refused_input(runnable, state, event, settings, wait=request.wait)
    opened = open_work_order(
        order_id, workflow_id=request.workflow_id, by=settings.by, now=now,
        run_id=run_id if refused is None else None,
        key=None if key is None else key.text, payload_digest=None if key is None else key.payload_digest,
    )  # fmt: skip
    if refused is not None:
        order = WorkOrderState(order_id)
        evolve_order(order, *opened)
        raise keep_rejected(
            bench.store, order, runnable, refused, request.payload, request.metadata, settings, opened=[opened]
        )
    bench.begin(state, [event], Write(order_id, ExpectedVersion.NO_STREAM, [opened]))
    return bench.execution(state, cycle(state, runnable.plan, settings) if request.wait else None)


def refused_input(
    runnable: Runnable, state: RunState, started: NewEvent, settings: CallSettings, *, wait: bool
) -> Refusal | None:
    """What the schema of the first node has against its input. A worker's globals aren't known before it comes."""
    planned = runnable.plan.nodes[started.data["start_node_id"]]
    if planned.validator is None or (planned.template.reads_globals and not wait):
        return None
    draft = RunState(state.run_id)
    evolve(draft, *started)
    return refusal(planned, draft, settings.globals, settings.now)


def keep_rejected(
    store: EventStore, order: WorkOrderState, runnable: Runnable, refused: Refusal, payload: Any,
    metadata: Mapping[str, Any], settings: CallSettings, *, opened: Sequence[NewEvent] = (),
) -> WorkOrderRejected:  # fmt: skip
    """Record that the input was refused, in one commit with what opened the work order, if that isn't stored yet."""
    rejected = reject(
        order, runnable.version, *refused, payload=payload, metadata=metadata,
        by=settings.by, now=settings.now(),
    )  # fmt: skip
    store.append(Write(order.id, order.version - len(opened) or ExpectedVersion.NO_STREAM, [*opened, rejected]))
    return WorkOrderRejected(order.id, *refused)


def start_node(definition: WorkflowDefinition) -> str:
    """Raises InvalidDefinition where no start was named and the graph doesn't tell."""
    if definition.start is None:
        raise InvalidDefinition(start_faults(definition))
    return definition.start


def _as_it_stands(bench: Workbench, order: WorkOrderState, key: Key) -> Execution[Run]:
    if order.payload_digest != key.payload_digest:
        raise IdempotencyConflict(order.workflow_id, key.text, order.id, order.by, moment(order.opened_at))
    if order.last_run_id is None:
        raise WorkOrderRejected(order.id, (order.rejected or {})["reason"], issues_of(order))
    run_id = order.last_run_id
    return Execution(None, lambda: run_of(bench.states.load(run_id)))
