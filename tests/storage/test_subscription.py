"""Following the log as it grows: on SQLite and PostgreSQL by polling, without the writers' help."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from threading import Event, Timer
from typing import Any

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.persistence import Notification, OperationalError, Tracking, TrackingRecorder
from eventsourcing.popo import POPOTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic

from flowledger.domain.events.catalogue import event_type
from flowledger.domain.ports import NewEvent, Write
from flowledger.infrastructure.storage import codec
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.storage.eventsourcing import subscription
from flowledger.infrastructure.storage.postgres import factory as postgres
from flowledger.infrastructure.storage.recorder import LARGE_EVENT, LedgerRecorder
from flowledger.infrastructure.storage.sqlite import factory as sqlite

from .events import NOTED, Noted, note, opened, write

OTHER = event_type("test.noted_elsewhere", Noted)


@pytest.fixture
def store(durable_url: str) -> Iterator[LedgerEventStore]:
    with opened(durable_url) as store:
        yield store


@pytest.fixture
def recorder(store: LedgerEventStore) -> LedgerRecorder:
    return store.recorder


def places(notifications: list[Notification]) -> list[tuple[Any, int]]:
    return [(one.originator_id, one.originator_version) for one in notifications]


def take(following: Any, count: int) -> list[Notification]:
    """That many notifications; fewer when they don't come in a minute."""
    watch = Timer(60, following.stop)
    watch.start()
    taken = list(islice(following, count))
    watch.cancel()
    return taken


def test_it_goes_on_where_it_is_told_and_over_pages(store: LedgerEventStore, recorder: LedgerRecorder) -> None:
    positions = write(store, "a", 0, *range(2_500))
    with recorder.subscribe(gt=positions[99]) as following:
        seen = take(following, 2_400)
        more = write(store, "b", 0, 1)
        assert next(following).id == more[0]
    assert [one.id for one in seen] == positions[100:]
    assert [one.originator_version for one in seen] == list(range(101, 2_501))


def test_a_notification_is_the_stored_event(store: LedgerEventStore, recorder: LedgerRecorder) -> None:
    write(store, "a", 0, "small", "x" * LARGE_EVENT, "small again")
    with recorder.subscribe() as following:
        assert take(following, 3) == recorder.select_notifications(None, 3)


def test_it_waits_for_an_event_of_its_topics(store: LedgerEventStore, recorder: LedgerRecorder) -> None:
    with recorder.subscribe(topics=[OTHER]) as following, ThreadPoolExecutor(1) as thread:
        due = thread.submit(next, following)
        write(store, "a", 0, 1, 2)
        assert not due.done()
        (position,) = store.append(Write("b", 0, [NewEvent(OTHER, note(3).data)]))
        assert due.result(30).id == position


def test_stop_ends_it_while_it_waits(recorder: LedgerRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, log_batch = Event(), recorder.log_batch

    def look(after: int) -> Any:
        looked.set()
        return log_batch(after)

    monkeypatch.setattr(subscription, "SHORTEST_PAUSE", 60.0)
    monkeypatch.setattr(subscription, "LONGEST_PAUSE", 60.0)
    monkeypatch.setattr(recorder, "log_batch", look)
    following = recorder.subscribe()
    with ThreadPoolExecutor(1) as thread:
        ending = thread.submit(list, following)
        assert looked.wait(30)
        following.stop()
        assert ending.result(30) == []


def test_stop_ends_it_in_the_middle_of_a_page(store: LedgerEventStore, recorder: LedgerRecorder) -> None:
    write(store, "a", 0, 1, 2, 3)
    following = recorder.subscribe()
    next(following)
    following.stop()
    assert list(following) == []


def test_it_keeps_no_transaction_open(store: LedgerEventStore, recorder: LedgerRecorder, durable_url: str) -> None:
    write(store, "a", 0, 1, 2)
    with recorder.subscribe() as following:
        next(following)
        if durable_url.startswith("sqlite"):
            with closing(sqlite3.connect(durable_url.removeprefix("sqlite:///"))) as other:
                (busy, _, _) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                assert not busy
        else:
            with psycopg.connect(durable_url) as connection:
                connection.execute("LOCK TABLE flowledger_events NOWAIT")
        assert places(take(following, 1)) == [("a", 2)]


@pytest.mark.parametrize("breaks", ["log_batch", "encoded"])
def test_after_a_failed_look_it_goes_on_with_what_was_due(
    store: LedgerEventStore, recorder: LedgerRecorder, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    def broken(*_: Any) -> Any:
        raise OperationalError("broken on purpose")

    write(store, "a", 0, "x" * LARGE_EVENT, 2)
    with recorder.subscribe() as following:
        monkeypatch.setattr(recorder, breaks, broken)
        with pytest.raises(OperationalError, match="on purpose"):
            next(following)
        monkeypatch.undo()
        assert places(take(following, 2)) == [("a", 1), ("a", 2)]


def test_no_writer_among_many_is_missed_or_seen_twice(store: LedgerEventStore, recorder: LedgerRecorder) -> None:
    def append(number: int) -> None:
        version = 0
        for size in [1, 3, 1, 1, 12] * 6:
            write(store, f"s{number}", version, *range(size))
            version += size

    with recorder.subscribe() as following, ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(append, number) for number in range(8)]
        seen = take(following, 8 * 108)
        for future in writing:
            future.result()
    assert [one.id for one in seen] == sorted({one.id for one in seen})
    assert sorted(places(seen)) == [(f"s{number}", version) for number in range(8) for version in range(1, 109)]


class Count(POPOTrackingRecorder):
    """A view in memory: how many notes there are."""

    def __init__(self) -> None:
        super().__init__()
        self.notes = 0

    def add(self, tracking: Tracking) -> None:
        with self._database_lock:
            self._assert_tracking_uniqueness(tracking)
            self._insert_tracking(tracking)
            self.notes += 1


class Counting(Projection[Count]):
    topics = (NOTED,)

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        assert domain_event.position == tracking.notification_id
        self.view.add(tracking)


def test_a_projection_of_the_library_runs_on_our_log(store: LedgerEventStore, durable_url: str) -> None:
    module = sqlite if durable_url.startswith("sqlite") else postgres
    env = {
        "PERSISTENCE_MODULE": module.__name__,
        "SQLITE_DBNAME": durable_url.removeprefix("sqlite:///"),
        "POSTGRES_URL": durable_url,
        "MAPPER_TOPIC": get_topic(codec.LedgerMapper),
        "ORIGINATOR_ID_TYPE": "text",
        "COUNTING_PERSISTENCE_MODULE": "eventsourcing.popo",
    }
    write(store, "a", 0, 1, 2)
    view: type[TrackingRecorder] = Count
    runner: Any = ProjectionRunner(
        application_class=Application[str], projection_class=Counting, view_class=view, env=env
    )
    with closing(runner.app), runner:
        positions = write(store, "b", 0, 3)
        runner.wait(positions[-1], timeout=60)
        assert runner.view.notes == 3
