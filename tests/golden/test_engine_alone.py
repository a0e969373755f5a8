"""The engine without a store answers the golden scenarios, call by call and step by step."""

import flowledger as fl

from .bench import Bench
from .checks import HOLD_FOR_EVERY_FILE, answer_of, check, data_of, rows_that_name
from .expectations import TERMINAL, definition_faults, expected_of_call, expected_of_steps
from .scenarios import Json, Scenario, patched
from .stateless import before_the_first_step, engine_of, make_call

SHOWN_BY_OTHER_MEANS = HOLD_FOR_EVERY_FILE | {"D11", "D15"}
"""Rows whose difference some of their files show only in part, or in a check that every file goes through."""


def test_every_call_answers_as_the_reference_engine_did(scenario: Scenario, schema_style: str) -> None:
    bench = Bench(scenario, schema_style)
    stored: Json | None = None
    rows: set[str] = set()
    for index, call in enumerate(scenario.calls):
        bench.millis += call.get("advanceClockMs", 0)
        stored = patched(call, stored) if call["kind"] != "start" else None
        if call["kind"] == "validate":
            _check_validation(scenario, bench)
            continue
        seen, spent, before = len(bench.seen), bench.spent, stored
        answer = answer_of(lambda call=call, before=before: make_call(bench, call, before))
        expected = expected_of_call(scenario, index, before, bench, spent)
        check(scenario, expected, before, answer, bench.seen[seen:])
        rows |= expected.rows
        if isinstance(answer, fl.Snapshot):
            stored = data_of(answer)
    assert rows_that_name(scenario) - rows - SHOWN_BY_OTHER_MEANS == set(), (
        "the table names a difference that wasn't seen"
    )


def _check_validation(scenario: Scenario, bench: Bench) -> None:
    """The static check: flowledger makes it whenever an engine is built. A start node isn't named there."""
    faults = definition_faults(scenario, with_start=False)
    assert isinstance(answer_of(lambda: engine_of(bench)), fl.InvalidDefinition) == bool(faults)


def test_every_single_step_answers_as_the_reference_engine_did(scenario: Scenario, schema_style: str) -> None:
    if definition_faults(scenario):
        assert isinstance(answer_of(lambda: engine_of(Bench(scenario)).execute(start="")), fl.InvalidDefinition)
        return
    bench = Bench(scenario, schema_style)
    stored: Json | None = None
    for index, call in enumerate(scenario.calls):
        bench.millis += call.get("advanceClockMs", 0)
        stored = patched(call, stored) if call["kind"] != "start" else None
        if call["kind"] == "validate":
            continue
        _check_steps(scenario, index, bench.fork(), stored)
        before = stored
        answer = answer_of(lambda call=call, before=before: make_call(bench, call, before))
        if isinstance(answer, fl.Snapshot):
            stored = data_of(answer)


def _check_steps(scenario: Scenario, index: int, bench: Bench, stored: Json | None) -> None:
    call = scenario.calls[index]
    payload = call.get("externalPayload")
    if call["kind"] == "start" and scenario.step_snapshots[index]:
        stored = before_the_first_step(call, bench.millis)
    for number, golden in enumerate(scenario.step_snapshots[index]):
        if stored is None or stored["status"] in TERMINAL:
            return
        seen, spent, before = len(bench.seen), bench.spent, stored
        step = {"kind": "step", "externalPayload": payload, "globals": call.get("globals")}
        answer = answer_of(lambda step=step, before=before: make_call(bench, step, before))
        calls = scenario.executor_calls[index][number : number + 1]
        expected = expected_of_steps(scenario, golden, calls, before, bench, spent, single=True)
        check(scenario, expected, before, answer, bench.seen[seen:])
        assert isinstance(answer, fl.Snapshot)
        stored, payload = data_of(answer), None
