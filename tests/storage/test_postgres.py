"""What is particular to a store on a PostgreSQL server: its pool, its rights, its refusals."""

from collections.abc import Callable, Iterator
from threading import Event, Thread

import psycopg
import pytest

from flowledger.domain.errors import StorageCorrupt, StorageUnavailable
from flowledger.infrastructure.storage.postgres.append import statements_for
from flowledger.infrastructure.storage.postgres.datastore import PostgresDatastore
from flowledger.infrastructure.storage.postgres.pool import ConnectionPool

from .events import opened, texts, write


@pytest.fixture
def pool(new_postgres_url: Callable[[], str]) -> Iterator[ConnectionPool]:
    pool = ConnectionPool(new_postgres_url(), size=2, timeout=0.05)
    yield pool
    pool.close()


def test_the_pool_is_bounded_and_says_when_it_is_used_up(pool: ConnectionPool) -> None:
    from eventsourcing.persistence import OperationalError

    first, second = pool.acquire(), pool.acquire()
    with pytest.raises(OperationalError, match="all 2 of the pool are in use"):
        pool.acquire()
    pool.release(first)
    assert pool.acquire() is first
    pool.release(second)
    pool.release(first)
    assert pool.acquire() is first
    pool.release(first)


def test_a_broken_connection_makes_room_for_a_new_one(pool: ConnectionPool) -> None:
    first, second = pool.acquire(), pool.acquire()
    first.close()
    pool.release(first)
    second.execute("BEGIN")
    pool.release(second)
    assert second.closed
    fresh = [pool.acquire(), pool.acquire()]
    assert all(connection.execute("SELECT 1").fetchone() == (1,) for connection in fresh)
    for connection in fresh:
        pool.release(connection)


def test_a_thread_that_waits_gets_the_connection_that_is_given_back(new_postgres_url: Callable[[], str]) -> None:
    pool = ConnectionPool(new_postgres_url(), size=1, timeout=30)
    taken = pool.acquire()
    got = Event()

    def wait_for_it() -> None:
        pool.release(pool.acquire())
        got.set()

    thread = Thread(target=wait_for_it)
    thread.start()
    pool.release(taken)
    assert got.wait(30)
    thread.join()
    pool.close()


def test_a_connection_in_use_is_closed_when_it_comes_back_to_a_closed_pool(pool: ConnectionPool) -> None:
    taken = pool.acquire()
    pool.close()
    pool.release(taken)
    assert taken.closed


def test_a_statement_that_takes_too_long_is_not_stored(new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url()
    with opened(f"{url}%20-c%20lock_timeout%3D1") as store, psycopg.connect(url) as other:
        other.execute("LOCK TABLE flowledger_events")
        for more in ([1], [1, 2]):
            with pytest.raises(StorageUnavailable, match="lock timeout"):
                write(store, "a", 0, *more)
        other.rollback()
        assert store.head("a") == 0
        write(store, "a", 0, 1)


def test_a_table_that_is_gone_is_corruption(new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url()
    with opened(url) as store:
        with psycopg.connect(url) as connection:
            connection.execute("ALTER TABLE flowledger_events RENAME TO gone")
        for attempt in (lambda: store.head("a"), lambda: write(store, "a", 0, 1), lambda: write(store, "a", 0, 1, 2)):
            with pytest.raises(StorageCorrupt, match="flowledger_events"):
                attempt()


def test_a_read_only_server_can_be_read_and_refuses_writes(new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url()
    with opened(url) as store:
        write(store, "a", 0, 1)
    with opened(f"{url}%20-c%20default_transaction_read_only%3Don") as store:
        assert texts(store, "a") == [1]
        for more in ([2], [2, 3]):
            with pytest.raises(StorageUnavailable, match="read-only"):
                write(store, "a", 1, *more)


def test_the_librarys_own_methods_work_on_our_connections(new_postgres_url: Callable[[], str]) -> None:
    datastore = PostgresDatastore(new_postgres_url())
    with datastore.transaction(commit=True) as cursor:
        cursor.execute("SELECT 1 AS one")
        assert cursor.fetchone() == {"one": 1}
    with datastore.connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    datastore.close()


def test_a_guard_is_looked_up_by_its_key_also_by_a_plan_that_was_made_when_the_store_was_empty(
    new_postgres_url: Callable[[], str],
) -> None:
    url = new_postgres_url()
    with opened(url) as store, psycopg.connect(url, autocommit=True) as connection:
        statement = statements_for(store.recorder.datastore.store_schema).indexed(("runs", "guards"))  # type: ignore[attr-defined]
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute(f"PREPARE guarded AS {statement.sql.decode()}".encode())
        plan = connection.execute("EXPLAIN EXECUTE guarded (0, '{}', '{}', '{}', '{}', '{}', '{}')").fetchall()
        looked_up = [line for (line,) in plan if "flowledger_events" in line and "Insert" not in line]
        assert looked_up
        assert not [line for line in looked_up if "Seq Scan" in line]
