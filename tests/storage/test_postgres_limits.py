"""What a server may refuse: a connection, a statement that takes long, a write, a right."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from eventsourcing.persistence import OperationalError

from flowledger.domain.errors import ConcurrencyError, StorageUnavailable
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.postgres.append import COPY_FROM_EVENTS
from flowledger.infrastructure.storage.postgres.pool import ConnectionPool

from .clusters import as_user, new_user, run_sql
from .events import opened, texts, write
from .older import make_store

COUNTS = [1, 2, COPY_FROM_EVENTS]
"""Events of an append, for each way to store them."""


@pytest.fixture
def limited_url(new_postgres_url: Callable[[], str]) -> Iterator[str]:
    """The URL of a user who may have two connections."""
    url = new_postgres_url()
    with new_user(url, "CONNECTION LIMIT 2") as name:
        yield as_user(url, name)


@pytest.mark.parametrize("way", ["given back", "closed"])
def test_when_the_server_gives_no_further_connection_one_in_use_is_waited_for(limited_url: str, way: str) -> None:
    pool = ConnectionPool(limited_url, size=8)
    taken = [pool.acquire(), pool.acquire()]
    refusals = 0
    connect = pool._connect

    def connect_and_count() -> object:
        nonlocal refusals
        try:
            return connect()
        except OperationalError:
            refusals += 1
            raise

    pool._connect = connect_and_count  # type: ignore[method-assign, assignment]
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(lambda: pool.release(pool.acquire())) for _ in range(4)]
        while refusals < 4:
            assert not any(future.done() for future in waiting)
        for _ in range(200):
            taken[0].execute("SELECT 1")
        assert refusals == 4
        if way == "closed":
            taken[0].execute("SELECT pg_terminate_backend(%s, 10000)", (taken[1].info.backend_pid,))
            taken[1].close()
        for connection in taken:
            pool.release(connection)
        for future in waiting:
            future.result()
    pool.close()


def test_many_threads_share_the_few_connections_that_a_server_gives(
    limited_url: str, new_postgres_url: Callable[[], str]
) -> None:
    pool = ConnectionPool(limited_url, size=8)

    def use(_: int) -> None:
        for _ in range(20):
            connection = pool.acquire()
            connection.execute("SELECT 1")
            pool.release(connection)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(8)))
    pool.close()


def test_when_the_server_gives_no_connection_at_all_the_error_says_what_to_do(limited_url: str) -> None:
    refusal = pytest.raises(StorageUnavailable, match=r"too many connections.*max_connections.*pooler")
    with psycopg.connect(limited_url), psycopg.connect(limited_url), refusal:
        open_store(limited_url)


def test_who_waits_in_vain_is_told_why_there_was_no_further_connection(limited_url: str) -> None:
    pool = ConnectionPool(limited_url, size=8, timeout=0.05)
    taken = [pool.acquire(), pool.acquire()]
    with pytest.raises(OperationalError, match="too many connections"):
        pool.acquire()
    for connection in taken:
        pool.release(connection)
    pool.release(pool.acquire())
    pool.close()


@pytest.mark.parametrize("count", COUNTS)
def test_a_statement_that_is_cancelled_stores_nothing(new_postgres_url: Callable[[], str], count: int) -> None:
    """As statement_timeout cancels it."""
    url = new_postgres_url()
    waiting = "NOT granted AND relation = 'flowledger_events'::regclass"
    cancel = f"SELECT count(pg_cancel_backend(pid)) FROM pg_locks WHERE {waiting}"
    with opened(url) as store, psycopg.connect(url) as other, ThreadPoolExecutor(1) as thread:
        write(store, "a", 0, 1)
        other.execute("LOCK TABLE flowledger_events")
        writing = thread.submit(write, store, "a", 1, *range(count))
        while other.execute(cancel).fetchone() == (0,):
            assert not writing.done()
        with pytest.raises(StorageUnavailable, match=r"statement_timeout.*nothing of it is stored"):
            writing.result()
        other.rollback()
        assert texts(store, "a") == [1]
        write(store, "a", 1, *range(count))


@pytest.mark.parametrize("count", COUNTS)
def test_a_lock_that_takes_too_long_is_named(new_postgres_url: Callable[[], str], count: int) -> None:
    url = new_postgres_url()
    with opened(f"{url}%20-c%20lock_timeout%3D1") as store, psycopg.connect(url) as other:
        other.execute("LOCK TABLE flowledger_events")
        with pytest.raises(StorageUnavailable, match="holds a lock for longer than lock_timeout"):
            write(store, "a", 0, *range(count))
        other.rollback()
        assert store.head("a") == 0
        write(store, "a", 0, *range(count))


@pytest.mark.parametrize("count", COUNTS)
def test_a_read_only_server_can_be_read_and_says_that_it_is_one(
    new_postgres_url: Callable[[], str], count: int
) -> None:
    url = new_postgres_url()
    read_only = f"{url}%20-c%20default_transaction_read_only%3Don"
    with pytest.raises(StorageUnavailable, match="can be read, but not written to"):
        open_store(read_only)
    with opened(url) as store:
        write(store, "a", 0, 1)
    with opened(read_only) as store:
        with pytest.raises(StorageUnavailable, match=r"can be read, but not written to.*primary"):
            write(store, "a", 1, *range(count))
        assert texts(store, "a") == [1]
        assert [event.version for event in store.tail()] == [1]


def test_a_user_whose_tables_are_old_is_told_what_to_run(new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url()
    make_store(url, 1)
    schema = url.rpartition("search_path%3D")[2]
    with new_user(url) as name:
        run_sql(
            url,
            f"GRANT USAGE ON SCHEMA {schema} TO {name}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {name}",
        )
        with pytest.raises(
            StorageUnavailable, match=r"too old \(schema 1, needed: \d+\).*`flowledger schema --after 1`"
        ):
            open_store(as_user(url, name))


@pytest.mark.parametrize("count", COUNTS)
def test_after_a_refused_append_the_connection_is_as_good_as_before(
    new_postgres_url: Callable[[], str], count: int
) -> None:
    """The driver forgets what was prepared on a connection when a transaction on it is rolled back."""
    url = new_postgres_url()
    with opened(url) as store, opened(url) as other:
        write(store, "a", 0, 1)
        write(store, "b", 0, 1, 2)
        assert store.head("a") == 1
        write(other, "a", 1, 2)
        with pytest.raises(ConcurrencyError):
            write(store, "a", 1, *range(count))
        write(store, "a", 2, 3)
        write(store, "b", 2, 3, 4)
        assert (texts(store, "a"), texts(store, "b")) == ([1, 2, 3], [1, 2, 3, 4])
