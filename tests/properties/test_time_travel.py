"""The matrix of time travel: every version, every moment, with checkpoints, without, and with bad ones."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.run import FOLD_REVISION

from ..effort import spread
from .naive_fold import naive_run
from .promises import as_of_is_the_longest_prefix, keep_all, recorded_at_never_decreases
from .world import Act, World

TICK = timedelta(microseconds=1)


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    world = World(store_url, checkpoint_every=None)
    yield world
    world.close()


def long_run(world: World) -> str:
    """A run of eleven events: a loop, a failure, a pause, notes of operators, the end."""
    runs = world.ledger.runs
    with world.doing([Act("complete", 1), Act("route", "again"), Act("fail", "x")]):
        run = runs.start("w", payload={"order": 1}, by="ada")
    runs.set_metadata(run.id, {"seen": True}, by="ops")
    with world.doing([Act("complete", 2), Act("wait", "review")]):
        runs.proceed(run.id)
    assert runs.resume(run.id, payload="yes", by="bob").status == "completed"
    runs.set_metadata(run.id, {"seen": None, "filed": [1]}, by="ops")
    return run.id


def times(world: World, run_id: str) -> list[datetime]:
    return [event.recorded_at for event in world.ledger.history.events(run_id)]


# --- by version -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1, 2, 1000, 2**40])
def test_a_version_beyond_the_head_is_refused_and_names_the_head(world: World, offset: int) -> None:
    run_id = long_run(world)
    head = world.ledger.runs.get(run_id).version
    with pytest.raises(fl.VersionNotFound, match=f"has no version {head + offset}: its versions are 1 to {head}"):
        world.ledger.history.snapshot(run_id, head + offset)


@pytest.mark.parametrize("version", [0, -1, -(2**40)])
def test_there_is_no_version_below_one(world: World, version: int) -> None:
    run_id = long_run(world)
    with pytest.raises(fl.VersionNotFound) as refused:
        world.ledger.history.snapshot(run_id, version)
    assert refused.value.asked == version


def test_the_first_a_middle_and_the_last_version_are_what_they_were(world: World) -> None:
    run_id = long_run(world)
    journal = world.store.journal[run_id]
    for version in (1, len(journal) // 2, len(journal)):
        snapshot = world.ledger.history.snapshot(run_id, version)
        assert snapshot.version == version
        assert snapshot.to_data() == naive_run(run_id, journal[:version]).snapshot()
    assert world.ledger.history.snapshot(run_id) == world.ledger.history.snapshot(run_id, len(journal))


def test_all_promises_hold_for_the_long_run(world: World) -> None:
    long_run(world)
    keep_all(world)


# --- by time ----------------------------------------------------------------------------------------------------------


def test_before_the_first_event_there_is_nothing(world: World) -> None:
    run_id = long_run(world)
    first = times(world, run_id)[0]
    with pytest.raises(fl.NothingAsOf) as refused:
        world.ledger.history.snapshot(run_id, at=first - TICK)
    assert (refused.value.asked, refused.value.first) == (first - TICK, first)


def test_exactly_at_an_event_it_counts_and_just_before_it_does_not(world: World) -> None:
    run_id = long_run(world)
    history = world.ledger.history
    for version, moment in enumerate(times(world, run_id), 1):
        assert history.snapshot(run_id, at=moment).version == version
        if version > 1:
            assert history.snapshot(run_id, at=moment - TICK).version == version - 1


def test_after_the_last_event_the_head_answers(world: World) -> None:
    run_id = long_run(world)
    for at in (times(world, run_id)[-1] + TICK, datetime.max.replace(tzinfo=UTC)):
        assert world.ledger.history.snapshot(run_id, at=at) == world.ledger.history.snapshot(run_id)


def test_a_time_zone_changes_nothing(world: World) -> None:
    run_id = long_run(world)
    moment = times(world, run_id)[4]
    zones = (UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11)))
    assert {world.ledger.history.snapshot(run_id, at=moment.astimezone(zone)).version for zone in zones} == {5}


def test_a_naive_datetime_is_refused(world: World) -> None:
    run_id = long_run(world)
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - a naive time is the bad input
    for read in (
        lambda: world.ledger.history.snapshot(run_id, at=naive),
        lambda: world.ledger.workflows.get("w", at=naive),
    ):
        with pytest.raises(fl.InvalidRequest, match="no time zone"):
            read()


def test_a_version_and_a_time_together_are_refused(world: World) -> None:
    run_id = long_run(world)
    at = times(world, run_id)[0]
    for read in (world.ledger.history.snapshot, world.ledger.workflows.get):
        with pytest.raises(fl.InvalidRequest, match="not both"):
            read(run_id if read == world.ledger.history.snapshot else "w", version=1, at=at)


def test_events_of_one_moment_are_one_moment(world: World) -> None:
    frozen = datetime(2026, 3, 1, tzinfo=UTC)
    run_id = start_with_clock(world, lambda: frozen)
    head = world.ledger.runs.get(run_id).version
    assert head == 4
    assert set(times(world, run_id)) == {frozen}
    assert world.ledger.history.snapshot(run_id, at=frozen).version == head
    with pytest.raises(fl.NothingAsOf):
        world.ledger.history.snapshot(run_id, at=frozen - TICK)


def test_a_clock_that_goes_backwards_leaves_no_version_unreachable(world: World) -> None:
    readings = iter(range(50, 0, -1))
    run_id = start_with_clock(world, lambda: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=next(readings)))
    recorded_at_never_decreases(world, run_id)
    as_of_is_the_longest_prefix(world, run_id)


def start_with_clock(world: World, clock: Callable[[], datetime]) -> str:
    world.clock = clock
    world.reopen()
    return world.ledger.runs.start("w").id


@pytest.mark.parametrize("read", ["snapshot", "snapshots", "events", "workflow_of"])
def test_a_run_that_never_was_is_not_found(world: World, read: str) -> None:
    for unknown in ("nobody", "0197-ü", "x" * 900):
        with pytest.raises(fl.RunNotFound):
            next(getattr(world.ledger.history, read)(unknown))


def test_a_workflow_travels_in_time_too(world: World) -> None:
    workflows = world.ledger.workflows
    changed = {"nodes": [{"id": "only", "type": "work"}]}
    first = workflows.get("w")
    second = workflows.save(changed, workflow_id="w", by="bob")
    assert (first.version, second.version, second.is_latest) == (1, 2, True)
    assert workflows.get("w", 1).definition == first.definition
    assert workflows.get("w", at=second.taken_at - TICK).version == 1
    assert workflows.get("w", at=second.taken_at).version == 2
    assert not workflows.get("w", 1).is_latest
    for version in (0, -1, 3):
        with pytest.raises(fl.VersionNotFound):
            workflows.get("w", version)
    with pytest.raises(fl.NothingAsOf):
        workflows.get("w", at=first.taken_at - TICK)
    with pytest.raises(fl.WorkflowNotFound):
        workflows.get("unknown")


# --- checkpoints never change an answer -------------------------------------------------------------------------------


def answers(world: World, run_id: str) -> list[Any]:
    history = world.ledger.history
    head = world.ledger.runs.get(run_id).version
    return [
        *(history.snapshot(run_id, version).to_json() for version in (*range(1, head + 1), *range(head, 0, -1))),
        *(history.snapshot(run_id, at=moment).to_json() for moment in times(world, run_id)),
    ]


@pytest.mark.parametrize("every", [1, 3, 1000])
def test_checkpoints_on_answer_as_checkpoints_off(world: World, every: int) -> None:
    run_id = long_run(world)
    expected = answers(world, run_id)
    world._every = every
    world.reopen()
    assert answers(world, run_id) == expected
    assert answers(world, run_id) == expected
    assert bool(pages(world, run_id)) == (every < 1000)


def test_a_run_goes_on_from_a_checkpoint_as_from_its_events(world: World) -> None:
    world._every = 1
    world.reopen()
    run_id = long_run(world)
    keep_all(world)
    assert world.ledger.runs.get(run_id).status == "completed"


def checkpointed(world: World) -> tuple[str, list[Any], dict[int, bytes]]:
    run_id = long_run(world)
    expected = answers(world, run_id)
    world._every = 1
    world.reopen()
    answers(world, run_id)
    kept = pages(world, run_id)
    assert list(kept) == list(range(1, world.ledger.runs.get(run_id).version + 1))
    return run_id, expected, kept


def pages(world: World, run_id: str) -> dict[int, bytes]:
    return dict(world.store.checkpoints.pages(run_id, None, FOLD_REVISION))


def test_a_checkpoint_of_another_fold_is_never_used(world: World) -> None:
    run_id, expected, kept = checkpointed(world)
    world.store.checkpoints.save(run_id, FOLD_REVISION + 1, dict.fromkeys(kept, kept[1]))
    assert answers(world, run_id) == expected


def flipped(place: float) -> Callable[[bytes], bytes]:
    """One bit of one byte, at a share of the length, changed."""

    def flip(state: bytes) -> bytes:
        at = int(place * (len(state) - 1))
        return state[:at] + bytes([state[at] ^ 1]) + state[at + 1 :]

    return flip


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda state: b"",
    "garbage": lambda state: b"\xff\x00garbage",
    "truncated": lambda state: state[: len(state) // 2],
    "null": lambda state: b"null",
    "an empty object": lambda state: b"{}",
    "longer": lambda state: state + b" ",
    **{f"a bit at {percent} %": flipped(percent / 100) for percent in range(0, 101, 10)},
}


@pytest.mark.parametrize(
    "damage", spread(DAMAGE, by_default=["empty", "garbage", "truncated", "an empty object", "a bit at 50 %"])
)
def test_a_damaged_checkpoint_changes_no_answer(world: World, damage: str) -> None:
    run_id, expected, kept = checkpointed(world)
    damaged = {version: DAMAGE[damage](content) for version, content in kept.items()}
    world.store.checkpoints.save(run_id, FOLD_REVISION, damaged)
    assert answers(world, run_id) == expected


def test_a_checkpoint_of_another_version_or_run_changes_no_answer(world: World) -> None:
    run_id, expected, kept = checkpointed(world)
    other = world.ledger.runs.start("w").id
    world.ledger.history.snapshot(other)
    for strange in (kept[1], pages(world, other)[1]):
        world.store.checkpoints.save(run_id, FOLD_REVISION, dict.fromkeys(range(2, len(kept) + 1), strange))
        assert answers(world, run_id) == expected


def test_clearing_all_checkpoints_changes_no_answer(world: World) -> None:
    run_id, expected, _ = checkpointed(world)
    world.store.checkpoints.clear()
    assert answers(world, run_id) == expected
