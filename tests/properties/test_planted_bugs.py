"""Bugs planted on purpose: each makes the promise named beside it fail, so the net holds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.run import RunState, decisions, registry, transitions
from flowledger.infrastructure.repositories import as_of as as_of_module

from . import stores
from .programs import run_program
from .promises import (
    PROMISES,
    Promise,
    a_snapshot_is_the_naive_fold_of_its_events,
    a_snapshot_never_changes_once_it_was_read,
    as_of_is_the_longest_prefix,
    executors_saw_what_the_log_says,
    iterating_gives_the_snapshot_of_each_version,
    keep_all,
    no_version_lies_beyond_the_head,
    recorded_at_never_decreases,
    versions_have_no_gaps,
    what_was_acknowledged_is_stored_once_and_in_order,
)
from .world import Act, World


def story(world: World) -> None:
    """A history with everything in it that a planted bug needs."""
    runs = world.ledger.runs
    script = [Act("noted_meanwhile", Act("complete")), Act("route", "again"), Act("wait", "review")]
    with world.doing(script):
        run = runs.start("w", payload={"order": 1}, by="ada")
    world.clock.micros -= 5_000_000
    with world.doing([Act("route", "skip"), Act("fail", "no luck")]):
        runs.resume(run.id, payload="yes", by="bob")
    world.clock.micros += 7_000_000
    runs.proceed(run.id)
    with world.doing([Act("complete"), Act("route", "nowhere")]):
        runs.start("w", by="ada")


def broken_by(world: World) -> set[Promise]:
    broken: set[Promise] = set()
    for run_id in world.store.run_ids():
        for promise in PROMISES:
            try:
                promise(world, run_id)
            except (Exception, pytest.fail.Exception):
                broken.add(promise)
    return broken


def test_without_a_bug_every_promise_is_kept() -> None:
    world = World("memory:", checkpoint_every=None)
    story(world)
    keep_all(world)
    for seed in range(3):
        run_program(world, seed)
    assert broken_by(world) == set()


IN_STORES: list[tuple[type[stores.WrappedStore], Promise]] = [
    (stores.DropsAnEventOnAppend, what_was_acknowledged_is_stored_once_and_in_order),
    (stores.DoublesAnEvent, what_was_acknowledged_is_stored_once_and_in_order),
    (stores.DropsAnEventOnRead, versions_have_no_gaps),
    (stores.DropsAndRenumbers, what_was_acknowledged_is_stored_once_and_in_order),
    (stores.SwapsTwoEvents, what_was_acknowledged_is_stored_once_and_in_order),
    (stores.SwapsTwoEvents, a_snapshot_is_the_naive_fold_of_its_events),
    (stores.OffByOne, a_snapshot_is_the_naive_fold_of_its_events),
    (stores.OffByOne, iterating_gives_the_snapshot_of_each_version),
    (stores.BeyondTheHead, no_version_lies_beyond_the_head),
]


WHILE_WRITING = (stores.DropsAnEventOnAppend, stores.DoublesAnEvent)


@pytest.mark.parametrize(("bug", "promise"), IN_STORES, ids=lambda value: value.__name__)
def test_a_bug_in_the_store_breaks_the_promise(bug: type[stores.WrappedStore], promise: Promise) -> None:
    world = World("memory:", checkpoint_every=None)
    if bug in WHILE_WRITING:
        world.store.inner = bug(world.store.inner)
    story(world)
    if bug not in WHILE_WRITING:
        assert broken_by(world) == set()
        world.store.inner = bug(world.store.inner)
    assert promise in broken_by(world)


def test_as_of_by_filtering_rows_breaks_the_longest_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_row(store: Any, stream: str, head: int, at: datetime, subject: str) -> int:
        return max(event.version for event in store.read(stream) if event.recorded_at <= at)

    monkeypatch.setattr(decisions, "envelope", unclamped)
    monkeypatch.setattr("flowledger.domain.execution.step.envelope", unclamped)
    monkeypatch.setattr(as_of_module, "version_as_of", by_row)
    world = World("memory:", checkpoint_every=None)
    story(world)
    assert {as_of_is_the_longest_prefix, recorded_at_never_decreases} <= broken_by(world)


def test_as_of_with_a_strict_comparison_breaks_the_longest_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    def strictly_before(store: Any, stream: str, head: int, at: datetime, subject: str) -> int:
        return sum(1 for event in store.read(stream) if event.recorded_at < at) or 1

    monkeypatch.setattr(as_of_module, "version_as_of", strictly_before)
    world = World("memory:", checkpoint_every=None)
    story(world)
    assert broken_by(world) == {as_of_is_the_longest_prefix}


def unclamped(state: Any, by: str, now: int) -> dict[str, Any]:
    return {"recorded_at": now, "by": by, "correlation_id": state.work_order_id}


def test_a_clock_that_is_believed_breaks_the_order_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "envelope", unclamped)
    monkeypatch.setattr("flowledger.domain.execution.step.envelope", unclamped)
    world = World("memory:", checkpoint_every=None)
    story(world)
    assert recorded_at_never_decreases in broken_by(world)


def test_an_evolve_that_changes_what_it_shares_breaks_old_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    def count_step(state: RunState, data: Mapping[str, Any]) -> None:
        context = state.context
        if context.count == 0:
            state.context = type(context)(context.history.extend(0, data), 1)
        else:
            context.history.extend(context.count, data)
            context.count += 1
        transitions._count_time(state, data)

    monkeypatch.setattr(transitions, "_count_step", count_step)
    world = World("memory:", checkpoint_every=None)
    story(world)
    assert a_snapshot_never_changes_once_it_was_read in broken_by(world)


def test_an_evolve_that_forgets_breaks_the_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    def resumed(state: RunState, data: Mapping[str, Any]) -> None:
        state.status = "active"
        state.payload = data.get("payload")

    monkeypatch.setitem(registry._EVOLVE, "run.resumed", resumed)
    world = World("memory:", checkpoint_every=None)
    story(world)
    assert a_snapshot_is_the_naive_fold_of_its_events in broken_by(world)


def test_a_run_that_runs_after_its_end_is_seen_by_its_executors(monkeypatch: pytest.MonkeyPatch) -> None:
    def cancelled(state: RunState, data: Mapping[str, Any]) -> None:
        state.failed_reason = f"Cancelled by {data['by']}"

    monkeypatch.setitem(registry._EVOLVE, "run.cancelled", cancelled)
    world = World("memory:", checkpoint_every=None)
    with world.doing([Act("cancelled_meanwhile", Act("complete"))]):
        world.ledger.runs.start("w", step_limit=2)
    assert executors_saw_what_the_log_says in broken_by(world)


def test_a_gap_in_a_stream_is_found_by_whoever_folds_it() -> None:
    world = World("memory:", checkpoint_every=None)
    story(world)
    run_id = world.store.run_ids()[0]
    world.store.inner = stores.DropsAnEventOnRead(world.store.inner)
    with pytest.raises(fl.StorageError):
        world.ledger.runs.get(run_id)
