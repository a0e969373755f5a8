"""Operators speak while a step is in flight: its outcome is still recorded, and the run stops."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

import flowledger as fl
from flowledger.domain.ports import Write

from .held_step_harness import WHOLE_LINE, HeldStepHarness
from .stores import WrappedStore


@pytest.mark.parametrize(("command", "status"), [("hold", "paused"), ("cancel", "cancelled")])
def test_a_step_in_flight_is_recorded_after_the_operators_word_and_the_run_stops(
    any_harness: HeldStepHarness, command: str, status: str
) -> None:
    runs = any_harness.ledger.runs
    run = runs.start("line", wait=False)
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(runs.proceed, run.id)
        assert any_harness.busy.wait(60)
        assert getattr(runs, command)(run.id, by="ops", reason="stop").status == status
        any_harness.let_go.set()
        assert working.result().status == status
    past = "run.cancelled" if command == "cancel" else "run.held"
    assert any_harness.types(run.id) == [*WHOLE_LINE[:3], past, "run.step_completed"]
    assert any_harness.ledger.history.snapshot(run.id).current_node_id == ("last" if command == "hold" else "held")
    if command == "hold":
        runs.release(run.id)
        assert runs.proceed(run.id).status == "completed"
        assert any_harness.types(run.id)[-3:] == ["run.released", "run.claimed", "run.step_completed"]
        assert len(any_harness.keys) == 1
    else:
        assert runs.proceed(run.id).status == "cancelled"


def test_a_run_taken_over_while_its_old_step_is_in_flight_has_one_outcome(any_harness: HeldStepHarness) -> None:
    runs = any_harness.ledger.runs
    run = runs.start("line", wait=False)
    with ThreadPoolExecutor(2) as pool:
        old = pool.submit(runs.proceed, run.id)
        assert any_harness.busy.wait(60)
        runs.hold(run.id)
        runs.release(run.id)
        any_harness.busy.clear()
        new = pool.submit(runs.proceed, run.id)
        assert any_harness.busy.wait(60)
        any_harness.let_go.set()
        with pytest.raises(fl.ConcurrencyError):
            old.result()
        assert new.result().status == "completed"
    assert any_harness.keys == [f"{run.id}:held:1"] * 2
    assert Counter(any_harness.types(run.id))["run.step_completed"] == 3


@pytest.mark.parametrize(
    ("command", "status"), [("set_metadata", "failed"), ("hold", "paused"), ("cancel", "cancelled")]
)
def test_an_operators_word_between_the_last_step_and_the_step_limit_is_no_conflict(
    store_url: str, command: str, status: str
) -> None:
    spoken: list[str] = []

    class InterruptedStore(WrappedStore):
        def append(self, *writes: Write) -> list[int]:
            if writes[0].events[0].type == "run.failed" and not spoken:
                spoken.append(writes[0].stream)
                arguments = [{"note": "just now"}] if command == "set_metadata" else []
                getattr(harness.ledger.runs, command)(writes[0].stream, *arguments)
            return super().append(*writes)

    harness = HeldStepHarness(store_url, InterruptedStore)
    with harness.ledger:
        run = harness.ledger.runs.start("line", step_limit=1)
        assert (run.status, len(spoken)) == (status, 1)
        assert run == harness.ledger.runs.get(run.id)
