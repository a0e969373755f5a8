"""One call of a scenario made on an engine without a store, as a caller would who keeps the snapshot himself."""

import flowledger as fl

from .bench import Bench
from .scenarios import Json


def engine_of(bench: Bench) -> fl.Engine:
    """Raises InvalidDefinition."""
    return fl.Engine(fl.WorkflowDefinition.model_validate(bench.scenario.workflow), bench.registry(), clock=bench.clock)


def make_call(bench: Bench, call: Json, stored: Json | None) -> fl.Snapshot:
    """Start, or go on from the stored snapshot's JSON. The clock has been moved already."""
    engine = engine_of(bench)
    given = {"payload": call.get("externalPayload"), "globals": call.get("globals")}
    limit = {"step_limit": call["stepLimit"]} if "stepLimit" in call else {}
    if call["kind"] == "start":
        workflow_id = call.get("workflowId", "default")
        return engine.execute(start=call.get("initialNodeId"), workflow_id=workflow_id, **given, **limit)
    assert stored is not None
    snapshot = fl.Snapshot.from_json(stored)
    return engine.step(snapshot, **given) if call["kind"] == "step" else engine.execute(snapshot, **given, **limit)


def before_the_first_step(call: Json, at: int) -> Json:
    """The snapshot of a run that is about to begin: what the reference engine starts from."""
    return {
        "workflowId": call.get("workflowId", "default"),
        "status": "active",
        "currentNodeId": call["initialNodeId"],
        "context": {},
        "version": 0,
        "metadata": {},
        "lastStartedAt": at,
        "totalExecutionTime": 0,
    }
