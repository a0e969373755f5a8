"""Durability in batches, when something goes wrong: kills, interrupts, a store that is away, large values, forks."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import main_thread
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.ports import Write

from ..prepared import PreparedProcess, PreparedPython
from .batch_harness import AT_ONCE, BEFORE, NEVER, BatchHarness, batch_harnesses


@pytest.fixture
def harness_with(durable_url: str) -> Iterator[Callable[..., BatchHarness]]:
    with batch_harnesses(durable_url) as make:
        yield make


# --- processes --------------------------------------------------------------------------------------------------------

WORKER = """
import sys
import flowledger as fl
url, run_id, journal, steps, milliseconds, hold_at = sys.argv[1:]
registry = fl.ExecutorRegistry()
executed = open(journal, "a")

@registry.register("work")
def work(step):
    print(step.idempotency_key, file=executed, flush=True)
    if step.runs == int(hold_at):
        print("holding", flush=True)
        sys.stdin.readline()
    if step.node.id == "end":
        return "ended"
    return fl.StepResult(step.runs + 1, "again" if step.runs + 1 < 60 else None)

with fl.open_ledger(url, registry, durability=fl.Batch(int(steps), int(milliseconds))) as ledger:
    print(ledger.runs.proceed(run_id).status, flush=True)
"""


@pytest.mark.exhaustive
@pytest.mark.parametrize("milliseconds", [NEVER, 1])
def test_a_killed_worker_leaves_what_it_did_but_for_one_batch_at_most(
    prepared_python: PreparedPython,
    harness_with: Callable[..., BatchHarness],
    durable_url: str,
    tmp_path: Path,
    milliseconds: int,
) -> None:
    harness = harness_with(None)
    run = harness.start(wait=False)
    journal = tmp_path / "executed"

    def worker(hold_at: int) -> PreparedProcess:
        arguments = [durable_url, run.id, str(journal), "10", str(milliseconds), str(hold_at)]
        return prepared_python.start(["-c", WORKER, *arguments])

    victim = worker(hold_at=37)
    assert victim.stdout.readline() == "holding\n"
    victim.end()
    assert victim.wait() == -signal.SIGKILL

    executed = journal.read_text().split()
    assert executed == [f"{run.id}:work:{n}" for n in range(1, 39)]
    seen = harness.outputs(run.id)
    assert seen == list(range(1, len(seen) + 1))

    heir = worker(hold_at=-1)
    assert (heir.stdout.read(), heir.wait()) == ("completed\n", 0)
    heir.end()
    again = journal.read_text().split()[len(executed) :]
    # A server may still store the batch that a client sent before it was killed.
    stored = 61 - len(again)
    assert len(executed) - 10 <= stored < len(executed)
    assert len(seen) <= stored
    assert again == [*(f"{run.id}:work:{n}" for n in range(stored + 1, 61)), f"{run.id}:end:1"]
    assert harness.outputs(run.id) == [*range(1, 61), "ended"]
    harness.agrees(harness.others.runs.get(run.id))


FORK = """
import os, signal, threading
import flowledger as fl
registry = fl.ExecutorRegistry()
held, run_ids = threading.Semaphore(0), []

@registry.register("work")
def work(step):
    if step.runs == 2:
        run_ids.append(step.run_id)
        held.release()
        threading.Event().wait()
    return fl.StepResult(step.runs, "again")

ledger = fl.open_ledger({url!r}, registry, durability=fl.Batch(1_000, 3_600_000))

def run_and_close():
    signal.alarm(60)
    threading.Thread(target=ledger.runs.start, args=["loop"], daemon=True).start()
    held.acquire()
    if (child := os.fork() if not FORKED else None) == 0:
        FORKED.append(True)
        return run_and_close()
    assert child is None or os.wait()[1] == 0
    ledger.close()
    with fl.open_ledger({url!r}) as other:
        print([other.history.header(run_id).version for run_id in run_ids], flush=True)
    os._exit(0)

FORKED = []
run_and_close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_stores_its_own_steps_and_not_its_parents(
    harness_with: Callable[..., BatchHarness], durable_url: str
) -> None:
    harness_with(None)
    # From 3.12 on Python warns of forks beside threads, which is what is tried here.
    command = [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", FORK.format(url=durable_url)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1, 3]\n[3]\n", "")


# --- interrupts, and a store that is away -----------------------------------------------------------------------------


def interrupt(step: fl.StepContext) -> None:
    raise KeyboardInterrupt


def test_what_ran_before_an_interrupt_is_stored_when_the_call_ends(harness_with: Callable[..., BatchHarness]) -> None:
    harness, heir = harness_with(BEFORE), harness_with(BEFORE)
    harness.hooks[4] = interrupt
    run = harness.start(wait=False)
    with pytest.raises(KeyboardInterrupt):
        harness.ledger.runs.proceed(run.id)
    assert heir.outputs(run.id) == [1, 2, 3]
    ended = heir.ledger.runs.proceed(run.id)
    assert heir.keys[0] == harness.keys[-1] == f"{run.id}:work:4"
    heir.agrees(ended)


@pytest.mark.parametrize("is_async", [False, True])
def test_an_interrupted_run_may_go_on_at_once(harness_with: Callable[..., BatchHarness], is_async: bool) -> None:
    harness, heir = harness_with(BEFORE), harness_with(BEFORE)
    run = harness.start(wait=False)

    def stop(step: fl.StepContext) -> None:
        if not is_async:
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(working.cancel)

    async def cancelled() -> None:
        nonlocal loop, working
        loop = asyncio.get_running_loop()
        working = asyncio.ensure_future(harness.ledger.runs.aproceed(run.id))
        with pytest.raises(asyncio.CancelledError):
            await working

    loop: Any = None
    working: Any = None
    harness.hooks[4] = stop
    if is_async:
        asyncio.run(cancelled())
    else:
        with pytest.raises(KeyboardInterrupt):
            harness.ledger.runs.proceed(run.id)
    ended = harness.ledger.runs.proceed(run.id)
    harness.ledger.close()
    assert harness.outputs(run.id) == [1, 2, 3, 4, 5, 6, "ended"]
    again = {key.rpartition(":")[2]: times for key, times in Counter(harness.keys).items() if times > 1}
    assert again == {"4": 2}, "only the step that was interrupted runs again"
    heir.agrees(ended)


@pytest.mark.parametrize("side", ["before", "after"])
def test_an_interrupt_while_a_batch_is_stored_loses_no_step_and_doubles_none(
    harness_with: Callable[..., BatchHarness], side: str
) -> None:
    harness, heir = harness_with(fl.Batch(4, NEVER)), harness_with(BEFORE)

    def interrupt_the_commit(write: Write) -> None:
        raise KeyboardInterrupt

    run = harness.start(wait=False)
    harness.hooks[4] = lambda step: getattr(harness.store, side).append(interrupt_the_commit)
    with pytest.raises(KeyboardInterrupt):
        harness.ledger.runs.proceed(run.id)
    harness.ledger.close()
    assert heir.outputs(run.id) == [1, 2, 3, 4]
    heir.agrees(heir.ledger.runs.proceed(run.id))
    assert heir.outputs(run.id) == [1, 2, 3, 4, 5, 6, "ended"]


def is_away(write: Write) -> None:
    raise fl.StorageUnavailable("the disk is full")


@pytest.mark.parametrize("batch", [fl.Batch(4, NEVER), AT_ONCE], ids=["its own thread", "the timer"])
def test_a_store_that_is_away_ends_the_call_and_nothing_of_it_is_stored_later(
    harness_with: Callable[..., BatchHarness], batch: fl.Batch
) -> None:
    harness, heir = harness_with(batch), harness_with(batch)
    run = harness.start(wait=False)
    harness.hooks[1] = lambda step: harness.store.before.append(is_away)
    if batch is AT_ONCE:
        harness.hooks[2] = lambda step: harness.store.until(lambda: harness.store.refused > 0)
    with pytest.raises(fl.StorageUnavailable, match="disk is full"):
        harness.ledger.runs.proceed(run.id)
    ran = list(harness.keys)
    harness.ledger.close()
    assert heir.types(run.id) == ["started", "claimed"]
    ended = heir.ledger.runs.proceed(run.id)
    assert ended.status == "completed"
    assert heir.keys[: len(ran)] == ran
    heir.agrees(ended)


def test_whatever_the_timer_meets_is_raised_where_the_run_is_and_the_timer_serves_the_next_run(
    harness_with: Callable[..., BatchHarness],
) -> None:
    harness = harness_with(AT_ONCE)
    broken: list[bool] = []

    def break_down(write: Write) -> None:
        broken.append(True)
        raise LookupError("nobody expects this")

    harness.hooks[1] = lambda step: harness.store.before.append(break_down)
    harness.hooks[2] = lambda step: harness.store.until(lambda: bool(broken))
    with pytest.raises(LookupError):
        harness.start()
    harness.hooks[4] = lambda step: harness.until_stored(str(step.run_id), 4)
    harness.agrees(harness.start())


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_a_large_value_and_what_waits_before_it_are_stored_at_once(harness_with: Callable[..., BatchHarness]) -> None:
    harness = harness_with(BEFORE)
    harness.hooks[3] = lambda step: fl.StepResult("x" * (2**20 + 1), "again")
    harness.hooks[4] = lambda step: fl.StepResult(harness.stored(str(step.run_id)), "again")
    run = harness.start()
    assert harness.outputs(run.id)[3] == 4
    harness.agrees(run)


def test_many_values_below_that_size_do_not_pile_up(harness_with: Callable[..., BatchHarness]) -> None:
    harness = harness_with(BEFORE, steps=9)
    harness.hooks = {n: lambda step: "x" * 2**19 for n in range(1, 10)}
    harness.agrees(harness.start())
    assert max(events for _, events in harness.store.appends) == 3


def test_no_event_loop_stores(harness_with: Callable[..., BatchHarness]) -> None:
    harness = harness_with(fl.Batch(4, NEVER))
    harness.hooks[2] = lambda step: fl.StepResult("x" * (2**20 + 1), "again")
    harness.hooks[5] = lambda step: harness.others.runs.hold(str(step.run_id)) and None
    stored_here = len(harness.store.appends)
    run = asyncio.run(harness.ledger.runs.astart("alternating"))
    harness.agrees(run)
    assert run.status == "paused"
    assert main_thread().name not in [thread for thread, _ in harness.store.appends[stored_here:]]


def test_an_output_over_the_limit_fails_its_step_in_the_middle_of_a_batch(
    harness_with: Callable[..., BatchHarness],
) -> None:
    harness = harness_with(BEFORE)
    harness.hooks[3] = lambda step: "x" * (2**22 + 1)
    run = harness.start()
    assert (run.status, harness.types(run.id)[1:]) == ("failed", ["step_completed", "step_completed", "step_failed"])
    harness.agrees(run)


@pytest.mark.parametrize("batch", [BEFORE, AT_ONCE, None], ids=["its own thread", "the timer", "step by step"])
def test_an_event_over_the_stores_limit_fails_its_step_though_others_ran_behind_it(
    harness_with: Callable[..., BatchHarness], batch: fl.Batch | None
) -> None:
    harness = harness_with(batch, max_event_bytes=20_000)
    harness.hooks[3] = lambda step: step.log.info("x" * 30_000)
    if batch is AT_ONCE:
        harness.hooks[4] = lambda step: harness.until_stored(str(step.run_id), 4)
    run = harness.start()
    assert (run.status, harness.types(run.id)[1:]) == ("failed", ["step_completed", "step_completed", "step_failed"])
    assert "over the limit" in str(run.snapshot.context["work"][-1].error)
    harness.agrees(run)
