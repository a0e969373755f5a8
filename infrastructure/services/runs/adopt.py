"""Adopting snapshots: a run that began elsewhere goes on as a run of the ledger."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ....domain.errors import InvalidRequest, InvalidSnapshot, InvalidValue
from ....domain.events.seal import current_seal
from ....domain.execution.step_loop import CallSettings
from ....domain.ports import ExpectedVersion, Write
from ....domain.run import RunState, start
from ....domain.run.snapshot import Snapshot
from ....domain.values.idempotency import check_key
from ....domain.values.ids import keyed_work_order_id
from ....domain.values.json_compare import json_digest
from ....domain.values.json_text import read_json
from ....domain.values.names import check_name
from ....domain.visible import quoted
from ....domain.work_order import open_work_order
from ....projections.runs.run import Run
from ...execution.runner import PreparedCall
from ...new_id import new_id
from .known_starts import Runnable
from .run_services import Executed, RunServices
from .start import IdempotencyKey, StartRequest, once


class AdoptRequest(NamedTuple):
    """The arguments of ``adopt``."""

    workflow_id: str
    snapshot: Mapping[str, Any]
    """As JSON."""
    metadata: Mapping[str, Any]
    settings: CallSettings
    wait: bool
    version: int | str | None


def read_snapshot(services: RunServices, given: Snapshot | bytes | str | Mapping[str, Any]) -> Mapping[str, Any]:
    """The snapshot as JSON, small enough to be recorded. Raises InvalidSnapshot."""
    snapshot = given if isinstance(given, Snapshot) else Snapshot.from_json(given)
    try:
        # Parsed again, so that depth and size are those of the whole.
        data: Mapping[str, Any] = services.freeze(read_json(snapshot.to_json()), "$")
    except InvalidValue as error:
        raise InvalidSnapshot(error.path, str(error).removeprefix(f"{error.path}: ")) from None
    return data


def adopt(services: RunServices, request: AdoptRequest, key_text: str | None) -> PreparedCall[Run]:
    """Begin a run with the snapshot; once for each key."""
    if key_text is None:
        return adopt_new(services, request, None)
    check_key(key_text)
    work_order_id = keyed_work_order_id(request.workflow_id, key_text)
    key = IdempotencyKey(key_text, work_order_id, json_digest(request.snapshot))
    same = StartRequest(request.workflow_id, None, request.metadata, request.settings, request.wait, request.version)
    return once(services, same, key, lambda: adopt_new(services, request, key))


def adopt_new(services: RunServices, request: AdoptRequest, key: IdempotencyKey | None) -> PreparedCall[Run]:
    """Open a work order with the run. Raises InvalidSnapshot where the workflow's version lacks the snapshot's node."""
    if key is not None:
        check_name(key.text, "idempotency_key")
    if current_seal():
        raise InvalidRequest(
            "a step of a subject's run can't adopt a snapshot, whose values stand in a form of their own: start a run"
        )
    settings, now = request.settings, services.now()
    runnable = services.load_to_start(request.workflow_id, request.version)
    past = RunState.from_snapshot(Snapshot.from_json(request.snapshot))
    _check_node(runnable, past.current_node_id)
    goes_on = past.status == "active" and past.held is None
    if goes_on and request.wait:
        services.check_executors(runnable.plan, past.current_node_id, request.workflow_id, runnable.version)
    state = RunState(new_id(now))
    work_order_id = key.work_order_id if key is not None else new_id(now)
    event = start(
        work_order_id,
        workflow_id=request.workflow_id,
        workflow_version=runnable.version,
        definition_digest=runnable.digest,
        start_node_id=past.current_node_id,
        code=services.code_now(runnable.plan.definition, runnable.known_code),
        payload=None,
        metadata=request.metadata,
        by=settings.by,
        now=now,
        adopted=request.snapshot,
        queued=goes_on and not request.wait,
    )
    if goes_on and request.wait:
        settings = services.supply_globals(settings, state, [event])
        runnable.refuse_missing_globals(event.data["start_node_id"], settings)
    opened = open_work_order(
        work_order_id,
        workflow_id=request.workflow_id,
        by=settings.by,
        now=now,
        run_id=state.run_id,
        key=None if key is None else key.text,
        payload_digest=None if key is None else key.payload_digest,
    )
    executed = Executed(runnable.plan, settings) if goes_on and request.wait else None
    services.begin(state, [event], Write(work_order_id, ExpectedVersion.NO_STREAM, [opened]), executed=executed)
    return services.answer(state) if executed is None else services.execute(state, *executed)


def _check_node(runnable: Runnable, node_id: str | None) -> None:
    if node_id is not None and node_id not in runnable.plan.nodes:
        known = ", ".join(map(repr, runnable.plan.nodes))
        raise InvalidSnapshot(
            "$.currentNodeId",
            f"version {runnable.version} of workflow {runnable.workflow_id!r} has no node {quoted(node_id)}; "
            f"its nodes: {known}",
        )
