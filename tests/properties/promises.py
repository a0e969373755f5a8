"""What holds for every run, each promise by its name. A broken one is an AssertionError."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

import flowledger as fl
from flowledger.domain.run import header_of
from flowledger.domain.values.clock import micros
from flowledger.infrastructure.queries.index.reader import Index
from flowledger.infrastructure.repositories.runs import RunRepository
from flowledger.infrastructure.storage.verify import verify
from flowledger.projections.index.query import RunQuery

from ..storage.index import index_of
from .naive_fold import Json, NaiveRun, is_fork
from .world import World


def events_of(world: World, run_id: str) -> list[fl.RecordedEvent]:
    return list(world.ledger.history.events(run_id))


def versions_have_no_gaps(world: World, run_id: str) -> None:
    versions = [event.version for event in events_of(world, run_id)]
    assert versions == list(range(1, len(versions) + 1))


def what_was_acknowledged_is_stored_once_and_in_order(world: World, run_id: str) -> None:
    stored = [(event.type, event.data) for event in events_of(world, run_id)]
    assert stored == world.store.journal[run_id]


def recorded_at_never_decreases(world: World, run_id: str) -> None:
    times = [event.recorded_at for event in events_of(world, run_id)]
    assert times == sorted(times)


def a_snapshot_is_the_naive_fold_of_its_events(world: World, run_id: str) -> None:
    journal = world.store.journal[run_id]
    for version in range(1, len(journal) + 1):
        expected = world.naive(run_id, version).snapshot()
        assert world.ledger.history.snapshot(run_id, version).to_data() == expected


def iterating_gives_the_snapshot_of_each_version(world: World, run_id: str) -> None:
    one_by_one = [
        world.ledger.history.snapshot(run_id, version) for version in range(1, len(events_of(world, run_id)) + 1)
    ]
    assert list(world.ledger.history.snapshots(run_id)) == one_by_one


def a_header_says_what_the_naive_fold_says(world: World, run_id: str) -> None:
    journal = world.store.journal[run_id]
    states = RunRepository(world.store, world.store.checkpoints, None)
    for version in range(1, len(journal) + 1):
        run = world.naive(run_id, version)
        header = world.ledger.history.header(run_id, version)
        cancelled = run.cancelled and header.status == "cancelled"
        assert header.status == run.status or (cancelled and run.status == "failed")
        assert (header.version, header.current_node_id) == (version, run.node)
        assert header.attempt == run.attempt
        assert header.total_execution_time == run.spent // 1000
        assert micros(header.last_started_at) == run.last_started
        assert micros(header.recorded_at) == journal[version - 1][1]["recorded_at"]
        assert (header.finished_at is not None) == run.ended
        assert header == header_of(states.load(run_id, version))


def a_snapshot_never_changes_once_it_was_read(world: World, run_id: str) -> None:
    kept = [(snapshot, snapshot.to_json()) for snapshot in world.ledger.history.snapshots(run_id)]
    for snapshot, json in kept:
        assert snapshot.to_json() == json


def no_version_lies_beyond_the_head(world: World, run_id: str) -> None:
    head = len(events_of(world, run_id))
    for asked in (head + 1, head + 999, 0, -1):
        with pytest.raises(fl.VersionNotFound) as refused:
            world.ledger.history.snapshot(run_id, asked)
        assert (refused.value.asked, refused.value.head) == (asked, head)


def as_of_is_the_longest_prefix(world: World, run_id: str) -> None:
    times = [event.recorded_at for event in events_of(world, run_id)]
    tick = timedelta(microseconds=1)
    for at in sorted({moment + shift for moment in times for shift in (-tick, timedelta(), tick)}):
        version = next((place for place, moment in enumerate(times) if moment > at), len(times))
        if version == 0:
            with pytest.raises(fl.NothingAsOf):
                world.ledger.history.snapshot(run_id, at=at)
        else:
            found = world.ledger.history.snapshot(run_id, at=at)
            assert found == world.ledger.history.snapshot(run_id, version), f"as of {at.isoformat()}"


def the_index_says_what_the_naive_fold_says(world: World, run_id: str) -> None:
    journal = world.store.journal[run_id]
    (row,) = [row for row in Index(world.store.recorder).runs(RunQuery(), limit=1_000_000) if row.run_id == run_id]
    assert (row.status, row.node_id, row.error_type) == standing(world.naive(run_id, len(journal)), journal)
    for at in sorted({body["recorded_at"] + shift for _, body in journal for shift in (-1, 0, 1)}):
        version = next((place for place, (_, body) in enumerate(journal) if body["recorded_at"] > at), len(journal))
        then = Index(world.store.recorder).runs(RunQuery(as_of=at), limit=1_000_000)
        found = [(row.status, row.node_id, row.error_type) for row in then if row.run_id == run_id]
        assert found == ([standing(world.naive(run_id, version), journal[:version])] if version else []), f"as of {at}"


def standing(run: NaiveRun, journal: Sequence[tuple[str, Json]]) -> tuple[str, str | None, str | None]:
    """Status, node and error type as a list shows them, of a run with this journal."""
    status = "cancelled" if run.cancelled else run.status
    kind, body = next((kind, body) for kind, body in reversed(journal) if kind != "run.metadata_set")
    failed = kind == "run.step_failed" and status in ("error", "failed")
    return status, None if status == "active" else run.node, body["error"]["type"] if failed else None


def the_digests_make_a_chain(world: World, run_id: str) -> None:
    digests = [event.digest for event in events_of(world, run_id)]
    assert len(set(digests)) == len(digests)


def verify_finds_nothing(world: World, run_id: str) -> None:
    assert verify(world.store, run_id).findings == ()


def every_step_has_a_key_of_its_own(world: World, run_id: str) -> None:
    journal = world.store.journal[run_id]
    completed = []
    for version, (kind, body) in enumerate(journal):
        if "node_id" not in body:
            continue
        before = world.naive(run_id, version)
        assert body["node_id"] == before.node
        assert body.get("attempt", 1) == before.next_attempt
        assert before.next_key in world.keys, "an event of a step that nobody executed"
        if kind == "run.step_completed":
            completed.append(before.next_key)
    assert len(set(completed)) == len(completed)


def a_run_ends_once(world: World, run_id: str) -> None:
    journal = world.store.journal[run_id]
    for version, (kind, body) in enumerate(journal):
        before = world.naive(run_id, version)
        if version == 1 and is_fork(journal[0][1]) and kind == "run.retried":
            continue  # its source had ended
        if before.ended and kind != "run.metadata_set":
            assert before.cancelled, f"{kind} after the end"
            assert "node_id" in body, f"{kind} after a cancel is no outcome of the step that was in flight"


def what_it_reuses_is_told(world: World, run_id: str) -> None:
    reused = world.ledger.history.reused(run_id)
    edited = "edited" in world.store.journal[run_id][0][1]
    first = world.naive(run_id, 1).results[: -1 if edited else None]
    assert [(result.node_id, result.attempt, result.failed) for result in reused] == [
        (node, result["attempt"], "error" in result) for node, result in first
    ]
    for result in reused:
        kind, body = world.store.journal[result.run_id][result.version - 1]
        assert (body.get("edited", body)["node_id"], kind == "run.step_failed") == (result.node_id, result.failed)


def executors_saw_what_the_log_says(world: World, run_id: str) -> None:
    assert world.surprises == []


Promise = Callable[[World, str], None]

CHEAP: tuple[Promise, ...] = (
    versions_have_no_gaps,
    what_was_acknowledged_is_stored_once_and_in_order,
    recorded_at_never_decreases,
    executors_saw_what_the_log_says,
)

PROMISES: tuple[Promise, ...] = (
    *CHEAP,
    a_snapshot_is_the_naive_fold_of_its_events,
    a_header_says_what_the_naive_fold_says,
    iterating_gives_the_snapshot_of_each_version,
    a_snapshot_never_changes_once_it_was_read,
    no_version_lies_beyond_the_head,
    as_of_is_the_longest_prefix,
    the_index_says_what_the_naive_fold_says,
    the_digests_make_a_chain,
    verify_finds_nothing,
    every_step_has_a_key_of_its_own,
    what_it_reuses_is_told,
    a_run_ends_once,
)


def keep_all(world: World) -> None:
    """Check every promise for every run of the world, and that its index is what a rebuild makes."""
    for run_id in world.store.run_ids():
        for promise in PROMISES:
            promise(world, run_id)
    kept = index_of(world.store)
    world.ledger.rebuild()
    assert index_of(world.store) == kept
