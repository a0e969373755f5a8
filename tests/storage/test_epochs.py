"""A store that moves to another cluster, whose transactions count from elsewhere: positions go on growing."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from flowledger.domain.errors import StorageUnavailable
from flowledger.domain.ports import RecordedEvent
from flowledger.infrastructure.storage.callers import CallersConnection
from flowledger.infrastructure.storage.inside import InsideEventStore
from flowledger.infrastructure.storage.postgres.append import COPY_FROM_EVENTS
from flowledger.infrastructure.storage.sql import grants
from flowledger.infrastructure.storage.verify import verify

from .clusters import as_user, ask, move, new_database, new_user, run_sql, running_cluster
from .events import opened, texts, write
from .test_races import at_once

EPOCHS = "SELECT count(*) FROM flowledger_epochs"


@pytest.fixture(scope="module")
def old() -> Iterator[Any]:
    """A cluster that has seen some transactions."""
    with running_cluster() as server:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for _ in range(2_000):
                connection.execute("SELECT pg_current_xact_id()")
        yield server


@pytest.fixture(scope="module")
def new() -> Iterator[Any]:
    with running_cluster() as server:
        yield server


@pytest.fixture
def moved(old: Any, new: Any) -> tuple[str, list[RecordedEvent]]:
    """The URL of a store that was restored in the new cluster, and what a reader saw of it in the old one."""
    source, target = new_database(old.get_uri()), new_database(new.get_uri())
    with opened(source) as store:
        write(store, "a", 0, 1)
        write(store, "b", 0, 1, 2)
        write(store, "a", 1, 2)
        seen = list(store.tail())
    move(old, source, target)
    return target, seen


@pytest.mark.parametrize("count", [1, 2, COPY_FROM_EVENTS])
def test_who_has_read_the_old_cluster_misses_nothing_in_the_new_one(
    moved: tuple[str, list[RecordedEvent]], count: int
) -> None:
    url, seen = moved
    with opened(url) as store:
        positions = write(store, "a", 2, *range(count)) + write(store, "b", 2, 3)
        assert [event.position for event in store.tail(after=seen[-1].position)] == positions
        assert [event.position for event in store.tail()] == [event.position for event in seen] + positions
        assert verify(store).findings == ()
        notified = store.recorder.select_notifications(seen[-1].position + 1, count + 2)
        assert [notification.id for notification in notified] == positions
    assert ask(url, EPOCHS) == 2


def test_an_epoch_begins_beside_the_transaction_of_a_caller(moved: tuple[str, list[RecordedEvent]]) -> None:
    url, seen = moved
    with opened(url) as store, psycopg.connect(url) as caller:
        caller.execute("CREATE TABLE mine (text text)")
        inside = InsideEventStore(store, CallersConnection(caller))
        positions = write(inside, "a", 2, 3) + write(inside, "b", 2, 3, 4)
        caller.commit()
        assert [event.position for event in store.tail()] == [event.position for event in seen] + positions
        assert verify(store).findings == ()
    assert ask(url, EPOCHS) == 2


def test_who_may_only_read_sees_all_that_was_restored_and_begins_no_epoch(
    moved: tuple[str, list[RecordedEvent]],
) -> None:
    url, seen = moved
    with new_user(url) as auditor:
        run_sql(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {auditor}")
        with opened(as_user(url, auditor)) as store:
            assert list(store.tail()) == seen
            assert verify(store).findings == ()
            with pytest.raises(StorageUnavailable, match="GRANT"):
                write(store, "a", 2, 3)
            assert texts(store, "a") == [1, 2]
            assert ask(url, EPOCHS) == 1
            run_sql(url, grants(auditor))
            write(store, "a", 2, 3)
        assert ask(url, EPOCHS) == 2


def test_writers_who_come_at_the_same_time_begin_one_epoch(moved: tuple[str, list[RecordedEvent]]) -> None:
    url, seen = moved
    with ExitStack() as stack:
        stores = [stack.enter_context(opened(url)) for _ in range(8)]
        positions = [position for found in at_once(8, lambda n: write(stores[n], f"s{n}", 0, 1)) for position in found]
        assert [event.position for event in stores[0].tail(after=seen[-1].position)] == sorted(positions)
    assert ask(url, EPOCHS) == 2


def test_a_transaction_from_before_the_epoch_holds_up_only_what_came_after_it(
    moved: tuple[str, list[RecordedEvent]],
) -> None:
    url, seen = moved
    with opened(url) as store:
        with psycopg.connect(url) as other:
            other.execute("SELECT pg_current_xact_id()")
            run_sql(url, *["SELECT pg_current_xact_id()"] * 10)
            write(store, "a", 2, 3)
            assert list(store.tail()) == seen
        assert [event.stream for event in store.tail(after=seen[-1].position)] == ["a"]


def test_a_store_may_move_on_and_back_again(old: Any, moved: tuple[str, list[RecordedEvent]]) -> None:
    url, seen = moved
    with opened(url) as store:
        write(store, "a", 2, 3)
    back = new_database(old.get_uri())
    move(old, url, back)
    with opened(back) as store:
        write(store, "a", 3, 4)
        assert [event.data["text"] for event in store.tail(after=seen[-1].position)] == [3, 4]
        assert verify(store).findings == ()


@pytest.mark.exhaustive
def test_a_copy_in_the_same_cluster_begins_no_epoch(old: Any) -> None:
    source, target = new_database(old.get_uri()), new_database(old.get_uri())
    with opened(source) as store:
        write(store, "a", 0, 1)
    move(old, source, target)
    with opened(target) as store:
        write(store, "a", 1, 2)
        assert [event.version for event in store.tail()] == [1, 2]
    assert ask(target, EPOCHS) == 1
