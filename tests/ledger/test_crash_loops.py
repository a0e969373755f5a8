"""A step that takes its process down is recovered as often as its executor allows; then the run fails and says why."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from ..prepared import PreparedPython

ONE = {"nodes": [{"id": "a", "type": "crash"}, {"id": "b", "type": "crash"}], "edges": [{"source": "a", "target": "b"}]}
TYPES = ["run.started", "run.claimed", "run.recovered", "run.recovered", "run.failed"]

WORKER = """
import os, signal, sys
import flowledger as fl

executors = fl.ExecutorRegistry()


@executors.register("crash", max_recoveries=2)
def crash(step):
    print(step.attempt, step.recoveries, step.effect_key, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


with fl.open_ledger(sys.argv[1], executors) as ledger:
    print("ended", ledger.runs.proceed(sys.argv[2], by="watchdog").status)
"""


def test_a_step_that_kills_its_process_is_recovered_so_often_and_no_more(
    durable_url: str, tmp_path: Path, prepared_python: PreparedPython
) -> None:
    with fl.open_ledger(durable_url) as ledger:
        ledger.workflows.save(ONE, workflow_id="w", by="ada")
        run = ledger.runs.start("w", wait=False, by="web")
        called = ["-c", WORKER, durable_url, run.id]
        done = [prepared_python.run(called, cwd=tmp_path, env=os.environ) for _ in range(4)]
        key = f"{run.work_order_id}:a:1"
        assert [result.stdout.split() for result in done[:3]] == [
            ["1", str(recoveries), key] for recoveries in range(3)
        ]
        assert [result.returncode for result in done] == [-signal.SIGKILL] * 3 + [0]
        assert done[3].stdout.split() == ["ended", "failed"]
        assert [event.type for event in ledger.history.events(run.id)] == TYPES
        run = ledger.runs.get(run.id)
        assert run.snapshot.metadata["failedReason"] == (
            "Node 'a' was recovered 2 times and its worker died each time; executor 'crash' allows max_recoveries=2"
        )
        told = [act.summary for act in ledger.history.trail(by="watchdog")]
        assert sorted(line.split(" run ")[0] for line in told) == ["took over", "took over", "went on with"]
        assert ledger.verify().ok


# --- the same in one process, where an interrupt is the death of the worker -------------------------------------------


class Desk:
    """A ledger whose nodes do as told, or die."""

    def __init__(self, most: int | None = None) -> None:
        self.seen: list[int] = []
        self.acts: list[Callable[[fl.StepContext], Any] | None] = []
        executors = fl.ExecutorRegistry()
        executors.register("crash", max_recoveries=most, retry=fl.RetryPolicy(max_retries=2, interval=0))(self.act)
        self.ledger = fl.open_ledger("memory:", executors)
        self.runs = self.ledger.runs
        self.ledger.workflows.save(ONE, workflow_id="w", by="ada")

    def act(self, step: fl.StepContext) -> Any:
        self.seen.append(step.recoveries)
        act = self.acts.pop(0) if self.acts else None
        return None if act is None else act(step)

    def start(self, *acts: Callable[[fl.StepContext], Any] | None) -> str:
        """A run whose worker did this, and died of the last."""
        self.acts = list(acts)
        with pytest.raises(KeyboardInterrupt):
            self.runs.start("w", by="web")
        return self.ledger.history.runs(limit=1)[0].id

    def proceed(self, run_id: str, *acts: Callable[[fl.StepContext], Any] | None) -> fl.Run | None:
        self.acts = list(acts)
        try:
            return self.runs.proceed(run_id, by="watchdog")
        except KeyboardInterrupt:
            return None


def die(step: fl.StepContext) -> Any:
    raise KeyboardInterrupt


def fail(step: fl.StepContext) -> Any:
    raise TimeoutError


def ask(step: fl.StepContext) -> Any:
    return fl.Pause("sure?") if step.answer is None else die(step)


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk(most=2)
    yield desk
    desk.ledger.close()


def test_recoveries_are_those_of_one_step(desk: Desk) -> None:
    run_id = desk.start(die)
    assert desk.proceed(run_id, die) is None
    assert desk.proceed(run_id, None, die) is None  # a is done, and b dies
    assert desk.seen == [0, 1, 2, 0]
    assert desk.proceed(run_id, die) is None
    run = desk.proceed(run_id)
    assert run is not None
    assert run.status == "completed"
    assert desk.seen == [0, 1, 2, 0, 1, 2]


def test_a_failed_attempt_was_no_death(desk: Desk) -> None:
    run_id = desk.start(die)
    waits = desk.proceed(run_id, fail)
    assert waits is not None
    assert waits.status == "error"
    assert desk.proceed(run_id, die) is None
    run = desk.proceed(run_id)
    assert run is not None
    assert run.status == "completed"
    assert desk.seen == [0, 1, 0, 1, 0]


def test_whose_worker_died_after_an_answer_still_has_it_and_is_counted(desk: Desk) -> None:
    desk.acts = [ask]
    run = desk.runs.start("w")
    desk.acts = [ask]
    with pytest.raises(KeyboardInterrupt):
        desk.runs.resume(run.id, payload="yes", by="cfo")
    assert desk.proceed(run.id, ask) is None
    assert desk.seen == [0, 0, 1]
    assert desk.proceed(run.id, ask) is None
    ended = desk.proceed(run.id)
    assert ended is not None
    assert ended.status == "failed"


def test_a_recovery_too_many_fails_the_run_and_executes_nothing(desk: Desk) -> None:
    run_id = desk.start(die)
    for _ in range(2):
        assert desk.proceed(run_id, die) is None
    ended = desk.proceed(run_id)
    assert ended is not None
    assert (ended.status, desk.seen) == ("failed", [0, 1, 2])
    last = list(desk.ledger.history.events(run_id))[-1]
    assert (last.type, last.by) == ("run.failed", "watchdog")
    again = desk.runs.retry(run_id, by="ops")
    assert (again.status, desk.seen[3:]) == ("completed", [0, 0])


def test_none_recovers_as_often_as_asked_and_0_never() -> None:
    patient, strict = Desk(most=None), Desk(most=0)
    run_id = patient.start(die)
    for _ in range(12):
        assert patient.proceed(run_id, die) is None
    assert patient.seen == list(range(13))
    ended = strict.proceed(strict.start(die), die)
    assert ended is not None
    assert (ended.status, strict.seen) == ("failed", [0])


def test_async_callers_are_refused_alike(desk: Desk) -> None:
    import asyncio

    run_id = desk.start(die)
    for _ in range(2):
        assert desk.proceed(run_id, die) is None
    assert asyncio.run(desk.runs.aproceed(run_id)).status == "failed"
    assert desk.seen == [0, 1, 2]


def test_what_was_queued_or_held_is_claimed_and_only_a_dead_workers_run_taken_over(desk: Desk) -> None:
    queued = desk.runs.start("w", wait=False, by="web")
    assert desk.proceed(queued.id) is not None

    def hold(step: fl.StepContext) -> None:
        desk.runs.hold(str(step.run_id), by="ops", reason="stock-taking")

    desk.acts = [hold]
    held = desk.runs.start("w", by="web")
    assert held.held is not None
    desk.runs.release(held.id, by="ops")
    assert desk.proceed(held.id) is not None
    dead = desk.start(die)
    desk.runs.hold(dead, by="ops")
    desk.runs.release(dead, by="ops")
    assert desk.proceed(dead) is not None
    claims = {
        run_id: next(event.type for event in desk.ledger.history.events(run_id) if event.by == "watchdog")
        for run_id in (queued.id, held.id, dead)
    }
    assert claims == {queued.id: "run.claimed", held.id: "run.claimed", dead: "run.recovered"}
    words = {act.subject: act.summary for act in desk.ledger.history.trail(by="watchdog")}
    assert words == {
        queued.id: f"went on with run {queued.id}",
        held.id: f"went on with run {held.id}",
        dead: f"took over run {dead}",
    }


@pytest.mark.parametrize("most", [-1, 1.0, True, "3"])
def test_what_is_no_number_of_recoveries_is_refused(most: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match="max_recoveries"):
        fl.ExecutorRegistry().register("crash", max_recoveries=most)(die)
