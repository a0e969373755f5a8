"""Of each run it is on record what made somebody start it, through what, and which process executed it."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.events.channel import acting_through
from flowledger.domain.values.brief import brief

NIGHTLY = {"kind": "cron", "name": "nightly", "at": "02:00"}
ASK = {"nodes": [{"id": "ask", "type": "ask"}]}

executors = fl.ExecutorRegistry()


@executors.register("ask")
def ask(step: fl.StepContext) -> Any:
    return "yes" if step.answer else fl.Pause("ok?")


@pytest.fixture
def ledger(store_url: str) -> Any:
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save(ASK, workflow_id="w")
        yield ledger


def test_a_trigger_is_told_by_the_run_and_its_audit(ledger: fl.Ledger) -> None:
    run = ledger.runs.start("w", by="scheduler", trigger=NIGHTLY)
    assert run.trigger == ledger.runs.get(run.id).trigger == NIGHTLY
    audit = ledger.history.audit(run.id)
    assert audit.trigger == audit.to_data()["trigger"] == NIGHTLY
    assert f"triggered by {brief(NIGHTLY)}" in str(audit)


def test_what_a_trigger_says_is_found(ledger: fl.Ledger) -> None:
    run = ledger.runs.start("w", trigger=NIGHTLY)
    ledger.runs.start("w", trigger={"kind": "webhook"})
    (found,) = ledger.history.runs(text="nightly")
    assert found.id == run.id


def test_a_run_that_nothing_is_said_of_has_no_trigger(ledger: fl.Ledger) -> None:
    run = ledger.runs.start("w")
    assert run.trigger is None
    assert "trigger" not in ledger.history.audit(run.id).to_data()


@pytest.mark.parametrize(
    "trigger", [{}, {"kind": 1}, {"kind": ""}, {"kind": "a\x1b[31m"}, {"kind": "cron", "x": {1}}, "cron"]
)
def test_a_trigger_without_a_kind_is_refused_and_nothing_written(ledger: fl.Ledger, trigger: Any) -> None:
    with pytest.raises((fl.InvalidValue, fl.InvalidRequest), match="trigger"):
        ledger.runs.start("w", trigger=trigger)
    assert not list(ledger.history.runs())


def test_an_audit_names_each_process_that_executed_the_run(store_url: str, ledger: fl.Ledger) -> None:
    with acting_through("web"):
        run = ledger.runs.start("w", by="ada", wait=False)
    with ledger.worker(name="night-1") as worker:
        ledger.runs.wait_for(run.id, timeout=60)
        worker.stop()
    with acting_through("cli"):
        ledger.runs.resume(run.id, payload=1, by="bob")
    audit = ledger.history.audit(run.id)
    assert audit.channel == "web"
    claimed, resumed = audit.claims
    assert (claimed.version, claimed.name) == (2, "night-1")
    assert resumed.version == 4
    assert claimed.worker_id != resumed.worker_id
    assert {(claim.host, claim.pid) for claim in audit.claims} == {(socket.gethostname(), os.getpid())}
    assert [(act.type, act.channel) for act in audit.interventions] == [
        ("run.claimed", None),
        ("run.resumed", "cli"),
    ]


def test_a_trigger_goes_with_its_run_to_another_store(tmp_path: Path, ledger: fl.Ledger) -> None:
    run = ledger.runs.start("w", trigger=NIGHTLY)
    ledger.history.export(run.id, tmp_path / "run.jsonl")
    with fl.open_ledger("memory:", executors) as other:
        other.history.import_(tmp_path / "run.jsonl")
        assert other.runs.get(run.id).trigger == NIGHTLY
