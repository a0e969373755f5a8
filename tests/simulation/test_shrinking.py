"""A failing seed comes with the least of it that still fails, and fails again in the same way."""

import subprocess
import sys

import pytest

from .planted_bugs import a_conflict_taken_for_a_lost_acknowledgement
from .shrinking import drop, kind_of, shrink
from .simulation import Case, simulate


def test_what_is_not_needed_is_dropped() -> None:
    tried: list[list[int]] = []

    def fails(parts: list[int]) -> bool:
        tried.append(list(parts))
        return {3, 17} <= set(parts)

    assert drop(range(20), fails) == [3, 17]
    assert len(tried) < 60


def test_nothing_is_left_where_it_fails_by_itself() -> None:
    assert drop(range(20), lambda parts: True) == []


@pytest.mark.exhaustive
def test_a_failing_seed_is_shrunk_to_few_faults_and_switches() -> None:
    with a_conflict_taken_for_a_lost_acknowledgement():
        failing = next(result for seed in range(100) if (result := simulate(Case(seed))).failure)
        least = shrink(failing)
        again = simulate(least.case)
    assert kind_of(again) == kind_of(failing)
    assert again.trace == least.trace
    assert least.case.switches is not None
    assert len(least.case.switches) < len(failing.switches) / 4


@pytest.mark.exhaustive
def test_a_seed_does_the_same_in_every_process() -> None:
    traces = {
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", "11"],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(traces) == 1
    assert simulate(Case(11)).trace in traces.pop()
