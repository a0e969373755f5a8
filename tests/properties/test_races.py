"""Two workers and one run: one of them gets it, the other is told so."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.ports import Write

from .held_step_harness import HeldStepHarness, Worker
from .stores import WrappedStore


class MeetingStore(WrappedStore):
    """Appends to ``contested`` wait until as many writers as there are racers have decided to append."""

    def __init__(self, inner: Any, racers: int) -> None:
        super().__init__(inner)
        self.contested: str | None = None
        self._barrier = threading.Barrier(racers)
        self._met = threading.local()

    def append(self, *writes: Write) -> list[int]:
        if writes[0].stream == self.contested and not getattr(self._met, "yes", False):
            self._met.yes = True
            self._barrier.wait(60)
        return super().append(*writes)


def ready_for(command: str, harness: HeldStepHarness) -> fl.Run:
    """A run that the command goes on with."""
    runs = harness.ledger.runs
    return runs.start("asking") if command == "resume" else runs.start("line", wait=False)


@pytest.mark.parametrize("racers", [2, 8])
@pytest.mark.parametrize("command", ["proceed", "resume"])
def test_of_racing_threads_one_gets_the_run(store_url: str, command: str, racers: int) -> None:
    harness = HeldStepHarness(store_url, lambda store: MeetingStore(store, racers))
    harness.let_go.set()
    run = ready_for(command, harness)
    harness.store.contested = run.id

    def race(_: int) -> str:
        try:
            return str(getattr(harness.ledger.runs, command)(run.id).status)
        except fl.ConcurrencyError:
            return "refused"

    with ThreadPoolExecutor(racers) as pool:
        assert Counter(pool.map(race, range(racers))) == {"completed": 1, "refused": racers - 1}
    assert len(harness.keys) == 1
    assert Counter(harness.types(run.id))["run.step_completed"] == 3
    harness.ledger.close()


@pytest.mark.parametrize("command", ["proceed", "resume"])
def test_of_racing_processes_one_gets_the_run(
    harness: HeldStepHarness, durable_url: str, worker: Callable[..., Worker], command: str
) -> None:
    run = ready_for(command, harness)
    racers = [worker(durable_url, command, run.id, "hold") for _ in range(2)]
    assert [one.says() for one in racers] == [["claiming"]] * 2
    for one in racers:
        one.may_go_on()
    heard = sorted((one.says() for one in racers), key=lambda words: words[0])
    assert heard == [["executing", f"{run.id}:held:1", "1"], ["refused", "ConcurrencyError"]]
    for one in racers:
        if one.process.poll() is None:
            one.may_go_on()
    assert sum(one.says() == ["done", "completed"] for one in racers) == 1
    assert Counter(harness.types(run.id))["run.step_completed"] == 3


def test_who_comes_too_late_to_resume_is_told_so(harness: HeldStepHarness) -> None:
    harness.let_go.set()
    run = ready_for("resume", harness)
    harness.ledger.runs.resume(run.id)
    with pytest.raises(fl.IllegalTransition, match="completed, not paused"):
        harness.ledger.runs.resume(run.id)
