"""Forks of forks, from every version of a random history, equal a naive copy of what they branch off from."""

import os
from contextlib import suppress
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

import flowledger as fl

from ..effort import tries
from .promises import keep_all
from .stores import Crash
from .test_stateful import PAYLOADS, SCRIPTS
from .world import Act, World

OUTPUTS = st.none() | st.sampled_from(
    ["plain", {"deep": [None]}, fl.StepResult(None), fl.StepResult(1, handle="again"), fl.StepResult([], handle="skip")]
)
EXAMPLES = {"memory": 8, "sqlite": 5, "postgres": 3}


def settle(world: World, run_id: str, script: list[Act]) -> None:
    """Take a run as far as the script goes."""
    runs = world.ledger.runs
    while script and not world.naive(run_id).ended:
        run = world.naive(run_id)
        go_on = runs.release if run.held else runs.resume if run.stands == "paused" else runs.proceed
        with world.doing(script):
            with suppress(KeyboardInterrupt):
                go_on(run_id, by="bob")
            script = list(world.script)


def fork_everywhere(world: World, run_id: str) -> list[str]:
    """A fork for a worker from each version: it begins as the source stood, in one append, and copies nothing."""
    found: list[str] = []
    for version in range(1, len(world.store.journal[run_id]) + 1):
        appends = world.store.appends
        fork = world.ledger.runs.fork(run_id, version, by="eve", wait=False)
        assert world.store.appends == appends + 1
        then, begun = world.naive(run_id, version), world.naive(fork.id, 1)
        expected, shown = {**then.snapshot(), "version": 1}, begun.snapshot()
        assert world.ledger.history.snapshot(fork.id, 1).to_data() == shown
        expected.pop("flowledger", None)  # whether the payload was seen: what is queued has not seen it
        shown.pop("flowledger", None)
        assert shown == expected
        assert (fork.status == "failed") <= (then.status == "failed")
        assert (begun.payload, begun.visits) == (then.payload, then.visits)
        found.append(fork.id)
    return found


def fork_edited(world: World, run_id: str, version: int, payload: Any, output: Any, script: list[Act]) -> str | None:
    """A fork that runs on with what was edited; None where there was nothing to edit."""
    before = {stream: len(events) for stream, events in world.store.journal.items()}
    known = set(world.store.run_ids())
    with world.doing(script):
        try:
            world.ledger.runs.fork(run_id, version, payload=payload, output=output, by="eve")
        except fl.RunHeld:
            assert payload is not None
            assert world.naive(run_id, version).held is not None
            return None
        except fl.InvalidRequest:
            assert before == {stream: len(events) for stream, events in world.store.journal.items()}
            then = world.naive(run_id, version)
            assert output is not None or then.node is None, "refused, and there is a step to see the payload"
            return None
        except KeyboardInterrupt:
            pass
    (fork_id,) = set(world.store.run_ids()) - known
    then, begun = world.naive(run_id, version), world.naive(fork_id, 1)
    if output is not None:
        assert [entry for _, entry in begun.results[:-1]] == [entry for _, entry in then.results[:-1]]
        assert begun.results[-1][1]["output"] == (output.output if isinstance(output, fl.StepResult) else output)
    return fork_id


@pytest.mark.scaled
@pytest.mark.parametrize("every", [None, 1, 3])
def test_a_fork_of_a_fork_equals_a_naive_copy_at_every_version(store_url: str, every: int | None) -> None:
    backend = store_url.partition(":")[0].removesuffix("ql")

    @settings(
        max_examples=tries(EXAMPLES[backend]),
        derandomize="CI" in os.environ,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(SCRIPTS, st.lists(st.tuples(st.integers(0, 99), PAYLOADS, OUTPUTS, SCRIPTS), min_size=1, max_size=3))
    def holds(script: list[Act], generations: list[tuple[int, Any, Any, list[Act]]]) -> None:
        world = World(store_url, checkpoint_every=every)
        try:
            run_id = world.ledger.runs.start("w", payload={"order": 1}, by="ada", wait=False).id
            settle(world, run_id, script)
            for place, payload, output, acts in generations:
                version = 1 + place % len(world.store.journal[run_id])
                run_id = fork_edited(world, run_id, version, payload, output, acts) or run_id
                for fork_id in fork_everywhere(world, run_id)[-2:]:
                    settle(world, fork_id, [Act("complete", 1)])
            keep_all(world)
        finally:
            world.close()

    holds()


def test_what_two_forks_do_is_not_seen_by_each_other_nor_by_their_source(store_url: str) -> None:
    world = World(store_url)
    try:
        with world.doing([Act("complete", 1), Act("wait", "review")]):
            run = world.ledger.runs.start("w", by="ada")
        forks = [world.ledger.runs.fork(run.id, by="eve") for _ in range(2)]
        for place, fork in enumerate([run, *forks]):
            with world.doing([Act("complete", f"of {place}")]):
                world.ledger.runs.resume(fork.id, payload="go", by="bob")
        for place, fork in enumerate([run, *forks]):
            context = world.ledger.history.snapshot(fork.id).context
            assert [result.output for result in context["b"]] == [f"of {place}"]
        keep_all(world)
    finally:
        world.close()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_the_append_leaves_a_whole_fork_or_none(store_url: str, moment: str) -> None:
    world = World(store_url)
    try:
        with world.doing([Act("fatal", "no")]):
            run = world.ledger.runs.start("w", by="ada")
        world.store.crash_at = (0, moment)
        with pytest.raises(Crash):
            world.ledger.runs.fork(run.id, by="eve")
        world.reopen()
        forks = world.ledger.runs.work_order(run.work_order_id).forks
        assert len(forks) == (moment == "after")
        for fork_id in forks:
            assert world.ledger.runs.proceed(fork_id).status == "completed"
        keep_all(world)
    finally:
        world.close()
