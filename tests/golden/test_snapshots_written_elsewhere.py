"""Snapshots that the reference engine wrote can be read, written back, and gone on from."""

from collections.abc import Iterator
from itertools import pairwise

import flowledger as fl

from .bench import Bench
from .checks import answer_of, check, data_of
from .expectations import definition_faults, expected_of_call, expected_of_steps
from .scenarios import Json, Scenario, patched
from .stateless import make_call


def test_a_snapshot_written_elsewhere_comes_back_as_the_same_json(scenario: Scenario) -> None:
    for golden in _snapshots(scenario):
        assert data_of(fl.Snapshot.from_json(golden)) == _with_undefined_as_we_write_it(golden)


def _snapshots(scenario: Scenario) -> Iterator[Json]:
    yield from (snapshot for snapshot in scenario.snapshots if snapshot and "throws" not in snapshot)
    for steps in scenario.step_snapshots:
        yield from steps


def _with_undefined_as_we_write_it(golden: Json) -> Json:
    """A result without output has output null here; a time that is no number (D12) is no time."""
    context = {node_id: [{"output": None, **one} for one in results] for node_id, results in golden["context"].items()}
    retry = {key: value for key, value in golden.get("retryState", {}).items() if value is not None}
    return {**golden, "context": context} | ({"retryState": retry} if retry else {})


def test_the_next_call_goes_on_from_a_snapshot_written_elsewhere(scenario: Scenario) -> None:
    if definition_faults(scenario):
        return  # whatever was written under a definition that is refused here can't be gone on from
    for index, call in enumerate(scenario.calls):
        stored = patched(call, scenario.previous_snapshot(index))
        if call["kind"] in ("start", "validate") or stored is None:
            continue
        bench = Bench(scenario).at(index - 1, len(scenario.executor_calls[index - 1]))
        bench.millis += call.get("advanceClockMs", 0)
        before = stored
        answer = answer_of(lambda call=call, before=before, bench=bench: make_call(bench, call, before))
        expected = expected_of_call(scenario, index, _as_read(before), bench, 0)
        check(scenario, expected, before, answer, bench.seen)


def _as_read(stored: Json) -> Json:
    return data_of(fl.Snapshot.from_json(stored))


def test_the_next_step_goes_on_from_a_snapshot_written_elsewhere(scenario: Scenario) -> None:
    if definition_faults(scenario):
        return
    for index, call in enumerate(scenario.calls):
        steps = scenario.step_snapshots[index]
        for done, (before, golden) in enumerate(pairwise(steps), start=1):
            bench = Bench(scenario).at(index, done)
            step = {"kind": "step", "globals": call.get("globals")}
            answer = answer_of(lambda step=step, before=before, bench=bench: make_call(bench, step, before))
            calls = scenario.executor_calls[index][done : done + 1]
            expected = expected_of_steps(scenario, golden, calls, before, bench, single=True)
            check(scenario, expected, before, answer, bench.seen)


def test_the_rest_of_a_call_goes_on_from_a_snapshot_written_elsewhere(scenario: Scenario) -> None:
    if definition_faults(scenario):
        return
    for index, call in enumerate(scenario.calls):
        golden = scenario.snapshots[index]
        for done, before in enumerate(scenario.step_snapshots[index], start=1):
            if before["status"] != "active" or golden is None or "throws" in golden:
                continue
            bench = Bench(scenario).at(index, done)
            rest = {"kind": "execute", "globals": call.get("globals"), "stepLimit": call.get("stepLimit", 100) - done}
            answer = answer_of(lambda rest=rest, before=before, bench=bench: make_call(bench, rest, before))
            calls = scenario.executor_calls[index][done:]
            check(scenario, expected_of_steps(scenario, golden, calls, before, bench), before, answer, bench.seen)
