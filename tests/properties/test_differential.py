"""One random history gives the same events and the same snapshots on every backend."""

from collections.abc import Callable, Iterator

import pytest

from ..effort import spread
from .programs import bodies, run_program
from .promises import keep_all
from .world import World

SEEDS = range(12)


@pytest.fixture
def worlds(tmp_path, new_postgres_store: Callable[[], str]) -> Iterator[list[World]]:
    urls = ("memory:", f"sqlite:///{tmp_path / 'store.db'}", new_postgres_store())
    opened = [World(url, checkpoint_every=every) for url, every in zip(urls, (None, 2, 5), strict=True)]
    yield opened
    for world in opened:
        world.close()


@pytest.mark.parametrize("seed", spread(SEEDS, by_default=range(3)))
def test_a_random_history_is_the_same_on_every_backend(worlds: list[World], seed: int) -> None:
    for world in worlds:
        run_program(world, seed)
        keep_all(world)
    events, *others = [list(bodies(world)) for world in worlds]
    snapshots, *other_snapshots = [every_snapshot(world) for world in worlds]
    assert len(events) > 10
    assert others == [events] * 2
    assert other_snapshots == [snapshots] * 2


def test_the_programs_between_them_record_every_kind_of_run_event() -> None:
    kinds = set()
    for seed in SEEDS:
        world = World("memory:")
        run_program(world, seed)
        kinds |= {kind for _, _, kind, _ in bodies(world)}
    assert kinds == {
        "run.started",
        "run.step_completed",
        "run.step_failed",
        "run.paused",
        "run.resumed",
        "run.retried",
        "run.claimed",
        "run.recovered",
        "run.held",
        "run.released",
        "run.cancelled",
        "run.failed",
        "run.metadata_set",
    }


def every_snapshot(world: World) -> list[list[bytes]]:
    return [
        [snapshot.to_json() for snapshot in world.ledger.history.snapshots(run_id)] for run_id in world.store.run_ids()
    ]
