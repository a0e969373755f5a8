"""A run that reuses results answers at every version as a naive copy would; checkpoints change nothing."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.run import FOLD_REVISION
from flowledger.infrastructure.repositories.runs import RunRepository

from ..effort import spread
from .promises import keep_all
from .world import Act, World


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    world = World(store_url, checkpoint_every=None)
    yield world
    world.close()


def chain(world: World) -> list[str]:
    """A run, its retry from ``c``, the retry of that from ``b``, a reproduction of the last one, and forks of it."""
    runs = world.ledger.runs
    script = [Act("complete", 1), Act("route", "again"), Act("fail", "x")]
    with world.doing([*script, Act("complete", 2), Act("complete", 3), Act("fatal", "no")]):
        run = runs.start("w", payload={"order": 1}, by="ada")
        first = runs.proceed(run.id)
    with world.doing([Act("wait", "review"), Act("noted_meanwhile", Act("fail", "x")), Act("fatal", "no")]):
        paused = runs.retry(first.id, "c", by="bob")
        runs.resume(paused.id, payload="yes")
        second = runs.proceed(paused.id)
    again = [Act("route", "again"), Act("complete", 4), Act("complete", 5), Act("fatal", "no")]
    with world.doing([Act("complete", 6), Act("wait", "review"), Act("fatal", "no")]):
        third = runs.retry(second.id, "a", by="bob")
    runs.cancel(third.id)
    with world.doing(again):
        fourth = runs.retry(third.id, "b", by="bob")
    with world.doing(again):
        fifth = runs.reproduce(fourth.id)
    return [first.id, second.id, third.id, fourth.id, fifth.id, *forks(world, fourth.id)]


def forks(world: World, run_id: str) -> list[str]:
    """A fork with another output, a fork of that with the next one, a fork of that with a payload, and its retry."""
    runs = world.ledger.runs
    with world.doing([Act("wait", "review")]):
        first = runs.fork(run_id, 2, output=fl.StepResult("edited", handle=None), by="eve")
    with world.doing([Act("complete", 6), Act("wait", "review")]):
        second = runs.fork(first.id, 1, output=fl.StepResult(None, handle="again"), payload="go", metadata={"n": 1})
    with world.doing([Act("noted_meanwhile", Act("fail", "x"))]):
        third = runs.fork(second.id, payload="yes", metadata={"n": None, "m": 2})
    runs.cancel(third.id)
    with world.doing([Act("fatal", "no")]):
        retry = runs.retry(third.id, "b", by="bob")
    return [first.id, second.id, third.id, retry.id]


def answers(world: World, run_ids: list[str]) -> list[Any]:
    history = world.ledger.history
    found: list[Any] = []
    for run_id in run_ids:
        head = world.ledger.runs.get(run_id).version
        for version in (*range(1, head + 1), *range(head, 0, -1)):
            found += [history.snapshot(run_id, version).to_json(), history.header(run_id, version)]
        found += [snapshot.to_json() for snapshot in history.snapshots(run_id)]
    return found


def test_all_promises_hold_along_a_chain_of_retries(world: World) -> None:
    run_ids = chain(world)
    keep_all(world)
    origins = [world.ledger.runs.get(run_id).origin for run_id in run_ids]
    assert origins == [
        None,
        fl.RunOrigin("retry", run_ids[0], 7),
        fl.RunOrigin("retry", run_ids[0], 3),
        fl.RunOrigin("retry", run_ids[2], 2),
        fl.RunOrigin("reproduction", run_ids[3], 1),
        fl.RunOrigin("fork", run_ids[3], 2),
        fl.RunOrigin("fork", run_ids[5], 1),
        fl.RunOrigin("fork", run_ids[6], 3),
        fl.RunOrigin("retry", run_ids[6], 2),  # where b had asked: it asks again
    ]


@pytest.mark.parametrize("every", spread([1, 2, 3, 1000], by_default=[2]))
def test_checkpoints_on_answer_as_checkpoints_off(world: World, every: int) -> None:
    run_ids = chain(world)
    expected = answers(world, run_ids)
    world._every = every
    world.reopen()
    assert answers(world, run_ids) == expected
    assert answers(world, run_ids) == expected
    keep_all(world)


def test_a_checkpoint_holds_no_result_of_another_run(world: World) -> None:
    run_ids = chain(world)
    world._every = 1
    world.reopen()
    answers(world, run_ids)
    for run_id in run_ids:
        pages = dict(world.store.checkpoints.pages(run_id, None, FOLD_REVISION))
        assert len(pages) == world.ledger.runs.get(run_id).version
        lines = [zlib.decompress(page[33:]) if page[32] else page[33:] for page in pages.values()]
        assert all(text.count(b"\n") <= 1 for text in lines), "one event makes at most one result"


@pytest.mark.parametrize("damaged", spread(range(9), by_default=[0, 4, 8]))
def test_damaged_checkpoints_anywhere_in_the_chain_change_no_answer(world: World, damaged: int) -> None:
    run_ids = chain(world)
    expected = answers(world, run_ids)
    world._every = 1
    world.reopen()
    answers(world, run_ids)
    run_id = run_ids[damaged]
    kept = dict(world.store.checkpoints.pages(run_id, None, FOLD_REVISION))
    for spoiled in (dict.fromkeys(kept, b"garbage"), dict.fromkeys(kept, kept[1])):
        world.store.checkpoints.save(run_id, FOLD_REVISION, spoiled)
        assert answers(world, run_ids) == expected


def test_a_run_goes_on_from_what_it_reuses(world: World) -> None:
    world._every = 1
    world.reopen()
    chain(world)
    keep_all(world)


def never_within_itself(load: Callable[..., Any]) -> Callable[..., Any]:
    """The fold of a run may fold those that it begins with, and these nothing more: a chain may be of any length."""
    depth = 0

    def counted(*arguments: Any) -> Any:
        nonlocal depth
        depth += 1
        try:
            assert depth <= 2
            return load(*arguments)
        finally:
            depth -= 1

    return counted


def test_a_long_chain_is_folded_without_going_deep(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = world.ledger.runs
    with world.doing([Act("complete", 0), Act("complete", 0), Act("fatal", "no")]):
        run = runs.start("w")
    monkeypatch.setattr(
        "flowledger.infrastructure.repositories.runs.RunRepository._load", never_within_itself(RunRepository._load)
    )
    for _ in range(20):
        with world.doing([Act("fatal", "no")]):
            run = runs.retry(run.id, "c")
    assert [len(results) for results in run.snapshot.context.values()] == [1, 1, 1]
    assert len(world.ledger.history.reused(run.id)) == 2


def test_a_source_that_is_missing_is_told(world: World) -> None:
    run_id = chain(world)[1]

    class WithoutSource(type(world.store)):  # type: ignore[misc]
        def pages(self, stream: str, **given: Any) -> Any:
            return super().pages(stream if stream == run_id else "gone", **given)

        def read(self, stream: str, **given: Any) -> Any:
            return super().read(stream if stream == run_id else "gone", **given)

    world.store.__class__ = WithoutSource
    for read in (world.ledger.runs.get, world.ledger.history.snapshot, world.ledger.history.reused):
        with pytest.raises(fl.StorageCorrupt, match=f"run '{run_id}' begins with results of run .* not in this store"):
            read(run_id)
    assert world.ledger.history.header(run_id).status == "failed", "which no result is needed for"
