"""Workers that die, and workers that are late: effects at least once, events once."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import flowledger as fl
from flowledger.infrastructure.storage.verify import verify

from .held_step_harness import HeldStepHarness, Worker


def test_a_killed_workers_run_is_recovered_with_the_same_key(
    harness: HeldStepHarness, durable_url: str, worker: Callable[..., Worker]
) -> None:
    run = harness.ledger.runs.start("line", payload={"order": 1}, wait=False)
    victim = worker(durable_url, "proceed", run.id)
    assert victim.says() == ["executing", f"{run.id}:held:1", "1"]
    victim.process.send_signal(signal.SIGKILL)
    assert victim.process.wait() == -signal.SIGKILL
    assert harness.ledger.runs.get(run.id).status == "active"
    heir = worker(durable_url, "proceed", run.id)
    assert heir.says() == ["executing", f"{run.id}:held:1", "1"]
    heir.may_go_on()
    assert heir.says() == ["done", "completed"]
    assert harness.types(run.id) == [
        "run.started",
        "run.claimed",
        "run.step_completed",
        "run.recovered",
        *["run.step_completed"] * 2,
    ]
    assert verify(harness.store).ok


def test_a_stopped_workers_late_append_is_refused(
    harness: HeldStepHarness, durable_url: str, worker: Callable[..., Worker]
) -> None:
    run = harness.ledger.runs.start("line", wait=False)
    late = worker(durable_url, "proceed", run.id)
    assert late.says()[0] == "executing"
    late.process.send_signal(signal.SIGSTOP)
    _, status = os.waitpid(late.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert harness.ledger.runs.proceed(run.id).status == "completed"
    before = list(harness.ledger.history.events(run.id))
    late.may_go_on("late")
    late.process.send_signal(signal.SIGCONT)
    assert late.says() == ["refused", "ConcurrencyError"]
    assert list(harness.ledger.history.events(run.id)) == before
    assert harness.keys == [f"{run.id}:held:1"]
    assert harness.ledger.history.snapshot(run.id).context["held"][-1].output["said"] == "harness"


def test_a_late_append_is_refused_though_the_new_holder_has_got_no_further(
    harness: HeldStepHarness, durable_url: str
) -> None:
    harness.let_go.clear()
    first = HeldStepHarness(durable_url)
    run = first.ledger.runs.start("line", wait=False)
    with ThreadPoolExecutor(2) as pool:
        late = pool.submit(first.ledger.runs.proceed, run.id)
        assert first.busy.wait(60)
        holder = pool.submit(harness.ledger.runs.proceed, run.id)
        assert harness.busy.wait(60)
        first.let_go.set()
        with pytest.raises(fl.ConcurrencyError):
            late.result()
        harness.let_go.set()
        assert holder.result().status == "completed"
    assert Counter(harness.types(run.id))["run.step_completed"] == 3
    first.ledger.close()
