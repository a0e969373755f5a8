"""A connection that breaks round a commit: no acknowledged event is lost, none is stored twice, no false conflict."""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError

from flowledger.domain.errors import ConcurrencyError, StorageUnavailable
from flowledger.domain.ports import ExpectedVersion, Write
from flowledger.infrastructure.storage.errors import ConnectionLost
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.testing import Faults

from .events import notes, opened, texts, write


def break_next(store: LedgerEventStore, *, after_commit: bool, times: int = 1) -> None:
    """The connection breaks at the next appends, before or after the server's commit."""
    Faults(store).next(f"connection lost {'after' if after_commit else 'before'} commit", times=times)  # type: ignore[arg-type]


@pytest.mark.parametrize("after_commit", [False, True])
@pytest.mark.parametrize("expected", [2, ExpectedVersion.ANY, ExpectedVersion.STREAM_EXISTS])
def test_an_append_survives_one_broken_connection(
    store_url: str, after_commit: bool, expected: int | ExpectedVersion
) -> None:
    with opened(store_url) as store:
        write(store, "a", 0, 1, 2)
        break_next(store, after_commit=after_commit)
        positions = store.append(Write("a", expected, notes(3, 4)), Write("b", 0, notes(5)))
        assert texts(store, "a") == [1, 2, 3, 4]
        assert [event.position for event in store.tail()][2:] == positions
        write(store, "a", 4, 6)


def test_a_conflict_stays_a_conflict_when_the_connection_breaks(store_url: str) -> None:
    with opened(store_url) as store:
        write(store, "a", 0, 1)
        place = store._place

        def overtaken(writes: Sequence[Write]) -> Any:
            placed = place(writes)
            store._place = place  # type: ignore[method-assign]
            write(store, "a", 1, "faster")
            break_next(store, after_commit=False)
            return placed

        store._place = overtaken  # type: ignore[method-assign]
        with pytest.raises(ConcurrencyError) as caught:
            write(store, "a", 1, "slower")
        assert caught.value.actual == 2
        assert texts(store, "a") == [1, "faster"]


@pytest.mark.parametrize("after_commit", [False, True])
def test_when_it_breaks_twice_the_error_says_that_the_outcome_is_unknown(store_url: str, after_commit: bool) -> None:
    with opened(store_url) as store:
        write(store, "a", 0, 1)
        break_next(store, after_commit=after_commit, times=2)
        header = store.recorder.header

        def unreachable(stream: str, version: int) -> Any:
            raise ConnectionLost("still broken")

        store.recorder.header = unreachable  # type: ignore[method-assign]
        with pytest.raises(StorageUnavailable, match="whether it is stored is unknown"):
            write(store, "a", 1, 2)
        store.recorder.header = header  # type: ignore[method-assign]
        assert store.head("a") == (2 if after_commit else 1)


def test_the_same_event_from_another_append_is_not_taken_for_ours(store_url: str) -> None:
    with opened(store_url) as store:
        write(store, "a", 0, 1)
        with pytest.raises(ConcurrencyError):
            write(store, "a", 0, 1)
        ours, _ = store._place([Write("b", 0, notes(1))])
        store.recorder.insert_events(ours)
        twin, _ = store._place([Write("b", 0, notes(1))])
        with pytest.raises(IntegrityError):
            store._positions_if_ours(twin)
        assert len(store._positions_if_ours(ours)) == 1


def test_connections_that_the_server_ended_are_replaced(new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url()
    with opened(url) as store:
        write(store, "a", 0, 1)
        for version, use in enumerate([lambda: write(store, "a", 1, 2), lambda: write(store, "a", 2, 3, 4)], 1):
            end_all_connections(url)
            use()
            end_all_connections(url)
            assert store.head("a") == (2 if version == 1 else 4)
        end_all_connections(url)
        assert texts(store, "a") == [1, 2, 3, 4]


def end_all_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
