"""Durability in batches: random histories are those of durability by step, and many runs at once as if alone."""

import asyncio
import gc
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

import flowledger as fl
from flowledger.domain.execution.step import StepLimits
from flowledger.domain.values.clock import micros_clock
from flowledger.infrastructure.execution.batching import BatchCommitter
from flowledger.infrastructure.ledger.ledger import Ledger
from flowledger.infrastructure.ledger.open import compose

from ..effort import tries
from ..hostile.values import NAME, TEXT
from .batch_harness import NEVER, batch_harnesses
from .naive_fold import NaiveRun, naive_run
from .programs import bodies, command, give
from .promises import PROMISES, every_step_has_a_key_of_its_own
from .world import Act, World


class BatchWorld(World):
    """The same world, stored in batches. Its journal tells what is stored, which executors are ahead of."""

    def __init__(self, url: str, batch: fl.Batch) -> None:
        self._batch = batch
        super().__init__(url)

    def reopen(self) -> None:
        self.ledger.runs._services.close()
        super().reopen()

    def close(self) -> None:
        self.ledger.close()

    def _open(self) -> Ledger:
        executors = fl.ExecutorRegistry()
        executors.register("work", retry=fl.RetryPolicy(max_retries=2, interval=1.0))(self.work)
        store: Any = self.store
        return compose(store, executors, micros_clock(self.clock), StepLimits(100_000), self._every, self._batch)

    def _compare(self, step: fl.StepContext, run: NaiveRun) -> None:
        """Nothing to compare with yet."""


ALONE = [
    *(Act("complete", output) for output in (None, {"é": [1.5, None]}, "x" * 100_001)),
    *[Act("route", "again")] * 5,
    Act("route", "skip"),
    Act("route", NAME),
    Act("fail", TEXT),
    Act("fatal", TEXT),
    Act("not_json"),
    Act("wait", TEXT),
    Act("take", 1_500_000),
    Act("take", -1_000_000),
]
MEANWHILE = [
    *(Act(name, then) for name in ("held_meanwhile", "cancelled_meanwhile", "noted_meanwhile") for then in ALONE),
    Act("interrupt"),
]
SIZES = st.integers(1, 6)
COMMANDS = st.sampled_from(["start", "go on", "go on", "go on", "hold", "cancel", "note"])


def programs(acts: list[Act]) -> st.SearchStrategy[list[tuple[str, list[Act]]]]:
    return st.lists(st.tuples(COMMANDS, st.lists(st.sampled_from(acts), max_size=12)), min_size=1, max_size=8)


def play(world: World, program: list[tuple[str, list[Act]]]) -> None:
    """Give the commands; those that the last run's state forbids are refused."""
    for name, script in [("start", []), *program]:
        if name == "start":
            give(world, script, lambda: world.ledger.runs.start("w", payload={"order": 1}, by="ada", step_limit=9))
            continue
        run_id = world.store.run_ids()[-1]
        if name == "go on":
            run = world.naive(run_id)
            name = "release" if run.held else "resume" if run.stands == "paused" else "proceed"
        give(world, script, lambda name=name, run_id=run_id: command(world, name, run_id))
        if any(act.name == "interrupt" for act in script):
            world.reopen()


def each_result_was_executed(world: World, run_id: str) -> None:
    """Under its key, also behind a cancel, where the fold doesn't move on any more."""
    journal = world.store.journal[run_id]
    for version, (_, body) in enumerate(journal):
        if "node_id" in body:
            before = naive_run(run_id, journal[:version])
            before.node = body["node_id"]
            assert body.get("attempt", 1) == before.next_attempt
            assert before.next_key in world.keys


RANDOM = settings(
    max_examples=tries(150),
    derandomize="CI" in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)


@RANDOM
@given(size=SIZES, program=programs(ALONE))
def test_where_no_operator_interferes_batches_record_what_single_steps_record(
    size: int, program: list[tuple[str, list[Act]]]
) -> None:
    by_step, in_batches = World("memory:"), BatchWorld("memory:", fl.Batch(size, NEVER))
    for world in (by_step, in_batches):
        play(world, program)
    assert list(bodies(in_batches)) == list(bodies(by_step))
    assert [key.partition(":")[2] for key in in_batches.keys] == [key.partition(":")[2] for key in by_step.keys]
    in_batches.close()


@RANDOM
@given(size=SIZES, program=programs(ALONE * 2 + MEANWHILE))
def test_the_promises_hold_whatever_operators_do_between_batches(
    size: int, program: list[tuple[str, list[Act]]]
) -> None:
    world = BatchWorld("memory:", fl.Batch(size, NEVER))
    play(world, program)
    for run_id in world.store.run_ids():
        for promise in PROMISES:
            if promise is not every_step_has_a_key_of_its_own:
                promise(world, run_id)
        each_result_was_executed(world, run_id)
        run = world.ledger.runs.get(run_id)
        assert run.snapshot.to_data() == world.naive(run_id).snapshot()
        assert run.status != "active" or any(act.name == "interrupt" for _, script in program for act in script)
    world.close()


@pytest.mark.parametrize("workflow", ["loop", "alternating"])
@pytest.mark.parametrize("on", ["threads", "one loop", "two ledgers"])
def test_twenty_runs_at_once_are_each_as_if_alone(durable_url: str, workflow: str, on: str) -> None:
    with batch_harnesses(durable_url) as harness_with:
        harness, other = harness_with(fl.Batch(5, 1), steps=12), harness_with(fl.Batch(3, NEVER), steps=12)

        async def together() -> list[fl.Run]:
            return await asyncio.gather(*(harness.ledger.runs.astart(workflow) for _ in range(20)))

        if on == "one loop":
            runs = asyncio.run(together())
        else:
            ledgers = [harness.ledger, other.ledger if on == "two ledgers" else harness.ledger] * 10
            with ThreadPoolExecutor(20) as pool:
                runs = list(pool.map(lambda ledger: ledger.runs.start(workflow), ledgers))
        for run in runs:
            assert (run.status, run.version) == ("completed", 14 if workflow == "loop" else 25)
            assert [result.output for result in run.snapshot.context["work"]] == list(range(1, 13))
        for run in runs[:4]:
            harness.agrees(run)
        assert len({run.id for run in runs if harness.others.runs.get(run.id) == run}) == 20
        keys = Counter(harness.keys + other.keys)
        assert (len(keys), max(keys.values())) == (20 * 13, 1)


def test_nobody_keeps_what_waited_of_a_run_that_has_ended(durable_url: str) -> None:
    with batch_harnesses(durable_url) as harness_with:
        harness = harness_with(fl.Batch(5, NEVER), steps=12)
        before = committers()
        assert harness.start().status == "completed"
        assert [committer for committer in committers() if committer not in before] == []


def committers() -> list[BatchCommitter]:
    gc.collect()
    return [thing for thing in gc.get_objects() if type(thing) is BatchCommitter]  # some have no class to tell
