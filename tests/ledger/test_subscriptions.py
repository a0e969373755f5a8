"""Following the events of a store as they come: each, in order, whoever writes and whoever else follows."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.ports import Write
from flowledger.infrastructure.services.subscriptions import feed as feeds
from flowledger.testing import ManualClock

from ..conftest import BACKENDS, url_of
from ..storage.events import notes, opened
from ..storage.robbery import lose_newest
from ..testing.broken_stores import Wrapper
from .renewals import end_renewals

LONG = 60.0
"""Seconds after which a test gives up."""


class Process:
    """A ledger as one process has it open."""

    def __init__(self, url: Any, clock: ManualClock) -> None:
        self.ledger = fl.open_ledger(url, clock=clock)

    def write(self, stream: str, *texts: Any) -> None:
        store = self.ledger._store
        store.append(Write(stream, store.head(stream), notes(*texts)))


class Processes:
    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = ManualClock()
        self.opened: list[Process] = []

    def start(self) -> Process:
        if self.url == "memory:" and self.opened:
            return self.opened[0]
        self.opened.append(Process(self.url, self.clock))
        return self.opened[-1]


@pytest.fixture(params=BACKENDS)
def processes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(url_of(request.param, request))
    yield processes
    for process in processes.opened:
        process.ledger.close()


def log_of(process: Process) -> list[fl.RecordedEvent]:
    return list(process.ledger._store.tail())


def test_it_begins_with_what_is_there_waits_for_more_and_ends_when_it_is_closed(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    there.write("a", 1, 2)
    subscription = here.ledger.subscribe()
    got: list[fl.RecordedEvent] = []
    arrived = threading.Semaphore(0)

    def follow() -> None:
        for event in subscription:
            got.append(event)
            arrived.release()

    with ThreadPoolExecutor() as pool:
        following = pool.submit(follow)
        for _ in range(2):
            assert arrived.acquire(timeout=LONG)
        there.write("b", 3)
        there.write("a", 4)
        for _ in range(2):
            assert arrived.acquire(timeout=LONG)
        subscription.close()
        following.result(LONG)
    assert got == log_of(there)
    assert [(event.stream, event.version) for event in got] == [("a", 1), ("a", 2), ("b", 1), ("a", 3)]
    assert list(subscription) == []


def test_it_ends_with_the_ledger(processes: Processes) -> None:
    here = processes.start()
    subscription = here.ledger.subscribe(name="mailer")
    with ThreadPoolExecutor() as pool:
        following = pool.submit(lambda: list(subscription))
        while subscription._waits_for is None:
            threading.Event().wait(0.01)
        here.ledger.close()
        assert following.result(LONG) == []


def test_it_begins_behind_a_position_or_at_the_end(processes: Processes) -> None:
    here = processes.start()
    here.write("a", 1, 2, 3)
    first, second, third = log_of(here)
    assert list(here.ledger.subscribe(after=first.position, catch_up=True)) == [second, third]
    assert list(here.ledger.subscribe(after=third.position, catch_up=True)) == []
    now = here.ledger.subscribe(after="now", catch_up=True)
    here.write("a", 4)
    assert [event.data["text"] for event in now] == [4]


def test_bad_calls_are_refused(processes: Processes) -> None:
    here = processes.start()
    here.write("a", 1)
    for after in (-1, True, "later", None, 1.5):
        with pytest.raises(fl.InvalidRequest, match="after"):
            here.ledger.subscribe(after=after)  # type: ignore[arg-type]
    with pytest.raises(fl.InvalidRequest, match="another store"):
        here.ledger.subscribe(after=2**62)
    for name in ("", 3, "x" * 201, "a\nb"):
        with pytest.raises((fl.InvalidRequest, fl.InvalidValue), match="name"):
            here.ledger.subscribe(name=name)  # type: ignore[arg-type]
    for lease in (0, -1, True, "1", float("nan"), 1e9):
        with pytest.raises(fl.InvalidRequest, match="lease"):
            here.ledger.subscribe(name="a", lease=lease)  # type: ignore[arg-type]
    assert here.ledger.subscriptions() == []


def test_a_name_goes_on_behind_the_event_that_was_done(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    here.write("a", 1, 2, 3)
    events = log_of(here)
    with here.ledger.subscribe(name="mailer") as mailer:
        assert list(islice(mailer, 2)) == events[:2]  # the second is being worked on
    with there.ledger.subscribe(name="mailer", after="now") as mailer:
        assert list(islice(mailer, 2)) == events[1:]
    assert list(there.ledger.subscribe(name="mailer", catch_up=True)) == events[2:]
    assert list(there.ledger.subscribe(name="mailer", catch_up=True)) == []
    assert list(there.ledger.subscribe(name="auditor", after=events[0].position, catch_up=True)) == events[1:]


def test_one_follower_a_name_at_a_time(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    mailer = here.ledger.subscribe(name="mailer")
    with pytest.raises(fl.SubscriptionHeld, match=f"process {os.getpid()} on") as error:
        there.ledger.subscribe(name="mailer")
    assert error.value.lease_until == processes.clock() + timedelta(seconds=30)
    there.ledger.subscribe(name="auditor").close()
    mailer.close()
    there.ledger.subscribe(name="mailer").close()


def test_a_loop_that_is_left_gives_the_name_back(processes: Processes) -> None:
    here = processes.start()
    here.write("a", 1, 2)
    for _ in range(3):
        for event in here.ledger.subscribe(name="mailer"):
            assert event.version == 1
            break


def test_the_next_takes_over_from_one_that_died_and_gets_the_last_event_again(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    here.write("a", 1, 2, 3)
    events = log_of(here)
    stalled = here.ledger.subscribe(name="mailer", lease=20.0)
    assert list(islice(stalled, 2)) == events[:2]
    end_renewals(here.ledger._subscriptions._source.leases)  # nothing of it runs any more
    processes.clock.advance(19)
    with pytest.raises(fl.SubscriptionHeld):
        there.ledger.subscribe(name="mailer")
    processes.clock.advance(21)
    taken = there.ledger.subscribe(name="mailer")
    assert next(taken) == events[1]
    with pytest.raises(fl.SubscriptionHeld):  # it comes back
        next(stalled)
    assert next(taken) == events[2]
    taken.close()
    assert [status.position for status in there.ledger.subscriptions()] == [events[1].position]


def test_the_lease_is_renewed_while_an_event_is_worked_on(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    here.write("a", 1)
    with here.ledger.subscribe(name="mailer", lease=0.1) as mailer:
        next(mailer)
        before = here.ledger.subscriptions()[0].lease_until
        processes.clock.advance(0.09)
        while here.ledger.subscriptions()[0].lease_until == before:
            threading.Event().wait(0.01)
        processes.clock.advance(0.09)
        with pytest.raises(fl.SubscriptionHeld):
            there.ledger.subscribe(name="mailer")


def test_names_are_listed_moved_and_forgotten(processes: Processes) -> None:
    here, there = processes.start(), processes.start()
    here.write("a", 1, 2, 3)
    events = log_of(here)
    mailer = here.ledger.subscribe(name="mailer")
    assert list(islice(mailer, 2)) == events[:2]
    (status,) = there.ledger.subscriptions()
    assert (status.name, status.position, status.behind) == ("mailer", events[0].position, 2)
    assert (status.waiting_since, status.pid) == (events[1].recorded_at, os.getpid())
    for change in (there.ledger.forget_subscription, lambda name: there.ledger.move_subscription(name, 0)):
        with pytest.raises(fl.SubscriptionHeld):
            change("mailer")
    mailer.close()
    there.ledger.move_subscription("mailer", "now")
    assert [(status.behind, status.host) for status in there.ledger.subscriptions()] == [(0, None)]
    there.ledger.move_subscription("mailer", 0)
    assert list(here.ledger.subscribe(name="mailer", catch_up=True)) == events
    there.ledger.forget_subscription("mailer")
    assert there.ledger.subscriptions() == []
    for change in (there.ledger.forget_subscription, lambda name: there.ledger.move_subscription(name, 0)):
        with pytest.raises(fl.NotFound, match="mailer"):
            change("mailer")


def test_a_slow_follower_holds_up_neither_the_others_nor_memory(processes: Processes) -> None:
    here = processes.start()
    here.write("a", 0)
    slow, quick = here.ledger.subscribe(), here.ledger.subscribe()
    next(slow)
    arrived = threading.Semaphore(0)

    def follow() -> list[fl.RecordedEvent]:
        got = []
        for event in quick:
            got.append(event)
            arrived.release()
        return got

    with ThreadPoolExecutor() as pool:
        following = pool.submit(follow)
        for _ in range(5):
            here.write("a", *range(300))
        events = log_of(here)
        for _ in events:
            assert arrived.acquire(timeout=LONG)
        assert len(here.ledger._subscriptions._source.feed._rows) <= feeds.ROWS_KEPT
        assert list(islice(slow, len(events) - 1)) == events[1:]
        quick.close()
        assert following.result(LONG) == events


def test_many_followers_at_the_end_cost_one_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process("memory:", ManualClock())
    store = process.ledger._store
    reads: list[str] = []
    log_batch = store.log_batch

    def count(after: int, *, settled: bool = True) -> Any:
        reads.append(threading.current_thread().name)
        return log_batch(after, settled=settled)

    with process.ledger:
        subscriptions = [process.ledger.subscribe() for _ in range(50)]
        with ThreadPoolExecutor(50) as pool:
            following = [pool.submit(list, subscription) for subscription in subscriptions]
            while len(process.ledger._subscriptions._source.feed._waiting) < 50:
                threading.Event().wait(0.01)
            monkeypatch.setattr(store, "log_batch", count)
            for number in range(20):
                process.write("a", number)
            while {subscription.position for subscription in subscriptions} != {20}:
                threading.Event().wait(0.01)
            for subscription in subscriptions:
                subscription.close()
            assert [len(one.result(LONG)) for one in following] == [20] * 50
    assert set(reads) == {"flowledger-feed"}
    assert len(reads) <= 20 + 10


def test_an_event_that_cannot_be_read_is_never_passed_over_unless_somebody_says_so(tmp_path: Path) -> None:
    process = Process(f"sqlite:///{tmp_path / 'a.db'}", ManualClock())
    process.write("a", 1, 2, 3)
    with process.ledger._store.recorder.datastore.write_transaction() as connection:  # type: ignore[attr-defined]
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE flowledger_events SET state = substr(state, 1, 50) WHERE originator_version = 2")
    with process.ledger, process.ledger.subscribe(name="mailer") as mailer:
        assert next(mailer).version == 1
        with pytest.raises(fl.InvalidRequest, match="nothing is skipped"):
            mailer.skip()
        for _ in range(2):
            with pytest.raises(fl.EventNotReadable, match="event 2 of stream 'a'"):
                next(mailer)
        mailer.skip()
        assert next(mailer).version == 3
        with pytest.raises(fl.InvalidRequest, match="nothing is skipped"):
            mailer.skip()


def test_a_store_that_is_away_is_waited_for_and_said_once(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here = processes.start()
    here.write("a", 1)
    store, log_batch, failures = here.ledger._store, here.ledger._store.log_batch, iter(range(2))

    def fail_twice(after: int, *, settled: bool = True) -> Any:
        if next(failures, None) is not None:
            raise fl.StorageUnavailable("the server is away")
        return log_batch(after, settled=settled)

    subscription = here.ledger.subscribe()
    monkeypatch.setattr(store, "log_batch", fail_twice)
    assert next(subscription).version == 1
    assert caplog.text.count("the server is away") == 1
    monkeypatch.setattr(store, "log_batch", lambda after, settled=True: fail_twice(after))
    failures = iter(range(1))
    with pytest.raises(fl.StorageUnavailable):
        list(here.ledger.subscribe(catch_up=True))


def test_a_follower_notices_that_the_store_has_lost_what_it_has_seen(durable_url: str) -> None:
    """New events may come to lie before it."""
    with fl.open_ledger(durable_url) as here:
        store = here._store
        store.append(Write("a", 0, notes(1, 2, 3)))
        waiting, named = here.subscribe(), here.subscribe(name="mailer")
        assert [event.version for event in islice(waiting, 3)] == [1, 2, 3]
        assert [event.version for event in islice(named, 3)] == [1, 2, 3]
        named.close()  # kept behind the second
        with ThreadPoolExecutor() as pool:
            following = pool.submit(next, waiting)
            while not here._subscriptions._source.feed._waiting:
                threading.Event().wait(0.01)
            lose_newest(store, durable_url)
            with pytest.raises(fl.EventsLost, match="was at version 3, and is at 2 now"):
                following.result(LONG)
        assert list(here.subscribe(name="mailer", catch_up=True)) == []
        with here.subscribe(name="mailer", catch_up=True) as mailer:
            lose_newest(store, durable_url)
            with pytest.raises(fl.EventsLost):
                next(mailer)
        here.move_subscription("mailer", 0)
        assert [event.version for event in here.subscribe(name="mailer", catch_up=True)] == [1]


def test_a_store_of_ones_own_is_followed_but_keeps_no_positions() -> None:
    with opened("memory:") as store, fl.open_ledger(Wrapper(store)) as ledger:
        store.append(Write("a", 0, notes(1, 2)))
        assert [event.version for event in ledger.subscribe(catch_up=True)] == [1, 2]
        with pytest.raises(fl.InvalidRequest, match=r"keep event\.position yourself"):
            ledger.subscribe(name="mailer")
        assert ledger.subscriptions() == []


def test_a_child_of_a_fork_subscribes_for_itself(durable_url: str) -> None:
    with fl.open_ledger(durable_url) as ledger:
        store = ledger._store
        store.append(Write("a", 0, notes(1, 2)))
        subscription = ledger.subscribe(name="mailer")
        assert next(subscription).version == 1
        if (child := os.fork()) == 0:
            code = 1
            try:
                try:
                    next(subscription)
                except fl.InvalidRequest:
                    subscription.close()  # which takes nothing from the parent
                    code = 0 if [e.version for e in ledger.subscribe(catch_up=True)] == [1, 2] else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert next(subscription).version == 2
        subscription.close()
