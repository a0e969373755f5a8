"""Scenarios of what the reference engine doesn't have: by the engine alone, from JSON to JSON, and by a ledger."""

import json
from pathlib import Path

import pytest

import flowledger as fl

from .bench import Bench
from .checks import data_of
from .scenarios import Json, Scenario
from .stateless import make_call

OWN = [
    Scenario(path.stem, 0, json.loads(path.read_text()))
    for path in sorted((Path(__file__).parent / "own").glob("*.json"))
]
own = pytest.mark.parametrize("own", OWN, ids=[scenario.name for scenario in OWN])


LEFT_OUT = {"version", "lastStartedAt", "totalExecutionTime", "flowledger"}


def of_interest(snapshot: Json) -> Json:
    """Without what counts events and tells their order: not all of it is the same in an engine's and in a ledger's."""
    return {key: value for key, value in snapshot.items() if key not in LEFT_OUT}


def stored_and_read(snapshot: fl.Snapshot) -> Json:
    """As it comes out of a database that sorts keys."""
    return json.loads(json.dumps(json.loads(snapshot.to_json()), sort_keys=True))


@own
def test_the_engine_alone_goes_on_from_json(own: Scenario) -> None:
    bench = Bench(own)
    stored: Json | None = None
    for call, expected in zip(own.calls, own.snapshots, strict=True):
        bench.millis += call.get("advanceClockMs", 0)
        stored = stored_and_read(make_call(bench, call, stored))
        assert of_interest(stored) == expected


@own
def test_one_step_at_a_time_comes_to_the_same(own: Scenario) -> None:
    bench = Bench(own)
    stored: Json | None = None
    for call, expected in zip(own.calls, own.snapshots, strict=True):
        bench.millis += call.get("advanceClockMs", 0)
        engine = fl.Engine(fl.WorkflowDefinition.model_validate(own.workflow), bench.registry(), clock=bench.clock)
        snapshot = engine.begin() if stored is None else fl.Snapshot.from_json(stored)
        snapshot = engine.step(snapshot, payload=call.get("externalPayload"), globals=call.get("globals"))
        while snapshot.status == "active":
            snapshot = engine.step(fl.Snapshot.from_json(stored_and_read(snapshot)), globals=call.get("globals"))
        stored = stored_and_read(snapshot)
        assert of_interest(stored) == expected


@own
def test_a_ledger_comes_to_the_same(own: Scenario, store_url: str) -> None:
    bench = Bench(own)
    with fl.open_ledger(store_url, bench.registry(), clock=bench.clock) as ledger:
        ledger.workflows.save(fl.WorkflowDefinition.model_validate(own.workflow), workflow_id="default", by="ada")
        run: fl.Run | None = None
        for call, expected in zip(own.calls, own.snapshots, strict=True):
            bench.millis += call.get("advanceClockMs", 0)
            given = {"globals": call.get("globals"), "by": "ada"}
            if run is None:
                run = ledger.runs.start("default", payload=call.get("externalPayload"), **given)
            elif run.status == "paused":
                run = ledger.runs.resume(run.id, payload=call.get("externalPayload"), **given)
            else:
                run = ledger.runs.proceed(run.id, **given)
            assert of_interest(data_of(run.snapshot)) == expected
        assert run is not None
        assert ledger.verify().ok
        assert ledger.history.replay(run.id, verify=False).ok
