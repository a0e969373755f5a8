"""The same calls through a ledger on each backend; what history says afterwards is what the caller was told."""

import pytest

import flowledger as fl

from .bench import Bench
from .checks import answer_of, check, data_of
from .expectations import definition_faults, expected_of_call
from .scenarios import Json, Scenario, all_scenarios


def why_not_through_a_ledger(scenario: Scenario) -> str | None:
    """Nobody can edit what a ledger has recorded, nor run one step out of turn; no run begins with a refused input."""
    for index, call in enumerate(scenario.calls):
        if "setSnapshot" in call or set(call.get("patchSnapshot", {})) - {"metadata"}:
            return "D9: a ledger's snapshots are read-only, and this scenario edits one"
        if call["kind"] == "step":
            return "D9: a ledger has no single-step call"
        earlier = scenario.previous_snapshot(index)
        if "externalPayload" in call and earlier is not None and earlier["status"] == "error":
            return "a retry through a ledger repeats the payload of the attempt that failed and takes no other (D7)"
    if scenario.name in ("110-valid-fail", "112-valid-fail-retried"):
        return "an input that the first node refuses is a rejected work order of a ledger, and no run"
    return None


def test_every_call_answers_as_the_reference_engine_did(scenario: Scenario, schema_style: str, store_url: str) -> None:
    if reason := why_not_through_a_ledger(scenario):
        pytest.skip(reason)
    bench = Bench(scenario, schema_style)
    if definition_faults(scenario):
        _check_refusal(bench, store_url)
        return
    with fl.open_ledger(store_url, bench.registry(), clock=bench.clock) as ledger:
        run: fl.Run | None = None
        for index, call in enumerate(scenario.calls):
            bench.millis += call.get("advanceClockMs", 0)
            if call["kind"] == "validate":
                continue
            if run is not None and "patchSnapshot" in call:
                ledger.runs.set_metadata(run.id, call["patchSnapshot"]["metadata"], by="ada")
            run = run if call["kind"] != "start" else None
            before = data_of(ledger.history.snapshot(run.id)) if run is not None else None
            seen, spent = len(bench.seen), bench.spent
            run = _make_call(ledger, scenario, call, run)
            expected = expected_of_call(scenario, index, before, bench, spent)
            check(scenario, expected, before, run.snapshot, bench.seen[seen:])
            _check_history(ledger, run)


def _make_call(ledger: fl.Ledger, scenario: Scenario, call: Json, run: fl.Run | None) -> fl.Run:
    given = {"globals": call.get("globals"), "step_limit": call.get("stepLimit", 100), "by": "ada"}
    if call["kind"] == "start":
        workflow_id = call.get("workflowId", "default")
        ledger.workflows.save(_definition(scenario), workflow_id=workflow_id, by="ada")
        return ledger.runs.start(workflow_id, payload=call.get("externalPayload"), **given)
    assert run is not None
    if run.status == "paused":
        return ledger.runs.resume(run.id, payload=call.get("externalPayload"), **given)
    return ledger.runs.proceed(run.id, **given)


def _definition(scenario: Scenario) -> fl.WorkflowDefinition:
    start = next((call["initialNodeId"] for call in scenario.calls if "initialNodeId" in call), None)
    return fl.WorkflowDefinition.model_validate({**scenario.workflow, "start": start})


def _check_refusal(bench: Bench, store_url: str) -> None:
    """Nothing of a refused definition is stored."""

    def save() -> fl.Snapshot:
        with fl.open_ledger(store_url, bench.registry(), clock=bench.clock) as ledger:
            ledger.workflows.save(_definition(bench.scenario), workflow_id="refused", by="ada")
        raise AssertionError("saved")

    expected = expected_of_call(bench.scenario, len(bench.scenario.calls) - 1, None, bench, 0)
    check(bench.scenario, expected, None, answer_of(save), bench.seen)
    with fl.open_ledger(store_url, fl.ExecutorRegistry()) as ledger, pytest.raises(fl.WorkflowNotFound):
        ledger.workflows.get("refused")


def _check_history(ledger: fl.Ledger, run: fl.Run) -> None:
    snapshots = list(ledger.history.snapshots(run.id))
    assert [snapshot.version for snapshot in snapshots] == list(range(1, run.version + 1))
    assert snapshots[-1] == ledger.history.snapshot(run.id) == run.snapshot
    assert ledger.runs.get(run.id).snapshot == run.snapshot


def test_few_scenarios_are_left_out_through_a_ledger() -> None:
    scenarios = all_scenarios()
    if not scenarios:
        pytest.skip("there are no golden scenarios beside the repository")
    left_out = {scenario.name for scenario in scenarios if why_not_through_a_ledger(scenario)}
    assert len(left_out) * 10 <= len(scenarios), left_out
