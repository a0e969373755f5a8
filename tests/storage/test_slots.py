"""Slots in a store: never more than may be, whoever dies, and those first that came first."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.storage.leases import Leases, WorkerRow

from ..effort import tries
from .events import opened

SECOND = 1_000_000
LEASE = 30 * SECOND


@pytest.fixture
def store(store_url: str) -> Iterator[LedgerEventStore]:
    with opened(store_url) as store:
        yield store


@pytest.fixture
def leases(store: LedgerEventStore) -> Leases:
    return store.leases


def renew(leases: Leases, worker: str, now: int) -> None:
    leases.renew(WorkerRow(worker, worker, "host", 1, "r", now, now, now + LEASE, LEASE, 1, "{}"))


def test_a_slot_is_free_when_it_was_left(leases: Leases) -> None:
    assert leases.take_slot("call", 1, "x", "one", 1, LEASE)
    assert not leases.take_slot("call", 1, "y", "two", 2, LEASE)
    assert leases.take_slot("other", 1, "y", "two", 2, LEASE)
    leases.leave_slot("call", "x", "one")
    assert leases.take_slot("call", 1, "y", "two", 3, LEASE)
    assert leases.slots(4) == {"call": 1, "other": 1}


def test_a_dead_workers_slot_is_free_when_its_lease_is_over_and_no_earlier(leases: Leases) -> None:
    renew(leases, "dead", 0)
    assert leases.take_slot("call", 1, "x", "dead", 0, LEASE)
    renew(leases, "dead", LEASE)
    assert not leases.take_slot("call", 1, "y", "two", 2 * LEASE, 3 * LEASE)
    assert leases.take_slot("call", 1, "y", "two", 2 * LEASE + 1, 3 * LEASE)
    assert leases.slots(2 * LEASE + 1) == {"call": 1}


def test_who_came_first_goes_first_as_long_as_it_asks(leases: Leases) -> None:
    assert leases.take_slot("call", 1, "x", "one", 0, LEASE)
    assert not leases.take_slot("call", 1, "early", "one", 1, LEASE)
    assert not leases.take_slot("call", 1, "late", "one", 2, LEASE)
    leases.leave_slot("call", "x", "one")
    assert not leases.take_slot("call", 1, "late", "one", 3, LEASE)
    assert leases.take_slot("call", 1, "early", "one", 4, LEASE)
    leases.leave_slot("call", "early", "one")
    assert leases.take_slot("call", 1, "late", "one", 5, LEASE)
    assert not leases.take_slot("call", 1, "silent", "one", 6, LEASE)
    leases.leave_slot("call", "late", "one")
    assert leases.take_slot("call", 1, "new", "one", 6 + 5 * SECOND + 1, LEASE)


def test_what_is_over_is_forgotten(store: LedgerEventStore, leases: Leases) -> None:
    assert leases.take_slot("call", 1, "x", "one", 0, LEASE)
    assert not leases.take_slot("call", 1, "y", "one", 0, LEASE)
    leases.tidy_slots(LEASE + 1)
    for table in ("flowledger_slots", "flowledger_slots_wanted"):
        assert store.recorder.query(f"SELECT count(*) FROM {table}", {}) == [(0,)]


class Workers(RuleBasedStateMachine):
    """Workers of two releases, one of which allows more, take and leave slots, live on and die."""

    def __init__(self, leases: Leases) -> None:
        super().__init__()
        self.leases = leases
        self.now = 0
        self.until: dict[str, int] = {}
        self.held: dict[str, str] = {}
        self.number = 0
        leases.tidy_slots(10**15)
        for worker in ("one", "two", "three"):
            self.live_on(worker)

    def under_way(self) -> int:
        return sum(self.until[worker] >= self.now for worker in self.held.values())

    @rule(worker=st.sampled_from(["one", "two", "three"]))
    def live_on(self, worker: str) -> None:
        if self.until.get(worker, self.now) < self.now:
            return  # it has died
        renew(self.leases, worker, self.now)
        self.until[worker] = self.now + LEASE

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(worker=st.sampled_from(["one", "two", "three"]), limit=st.integers(1, 3))
    def ask(self, worker: str, limit: int) -> None:
        if self.until[worker] < self.now:
            return
        self.number += 1
        holder = f"{self.number}"
        before = self.under_way()
        if self.leases.take_slot("call", limit, holder, worker, self.now, self.until[worker]):
            assert before < limit
            self.held[holder] = worker
        assert self.leases.slots(self.now).get("call", 0) == self.under_way()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        holder = data.draw(st.sampled_from(sorted(self.held)))
        self.leases.leave_slot("call", holder, self.held.pop(holder))


@pytest.mark.scaled
def test_whoever_lives_or_dies_nobody_begins_where_as_many_are_under_way_as_may_be(leases: Leases) -> None:
    run_state_machine_as_test(
        lambda: Workers(leases), settings=settings(max_examples=tries(60), deadline=None, stateful_step_count=25)
    )
