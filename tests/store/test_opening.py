"""Opening a store by its URL, and what goes wrong there."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, Event, Thread

import psycopg
import pytest

from flowledger.domain.errors import InvalidRequest, StorageCorrupt, StorageUnavailable
from flowledger.infrastructure.backends import open_store, shown
from flowledger.infrastructure.postgres_connections import PooledDatastore
from flowledger.infrastructure.postgres_pool import ConnectionPool
from flowledger.infrastructure.sqlite_connections import APPLICATION_ID

from .events import opened, texts, write


@pytest.mark.parametrize(
    "url",
    [
        "",
        "orders.db",
        "sqlite://orders.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "mysql://root:hunter2@localhost/x",
        "memory",
    ],
)
def test_a_url_of_another_form_is_refused_with_the_forms_that_are_known(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        open_store(url)
    for form in ("memory:", "sqlite:///", "postgresql://"):
        assert form in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("postgresql://ada:hunter2@127.0.0.1:1/x", "can't be reached"),
        ("postgres://ada:hunter2@127.0.0.1:1/x?connect_timeout=1", "can't be reached"),
        ("postgresql://127.0.0.1:1/x?user=ada&password=hunter2", "can't be reached"),
        ("postgresql:///x?host=/nowhere/at/all&password=hunter2", "can't be reached"),
        ("postgresql://ada:p@hunter2@127.0.0.1:1/x", "%40"),
        ("postgresql://ada:hunter2:1@127.0.0.1:port/x", "can't be reached"),
        ("postgresql://ada:hunter2@127.0.0.1:1/x?nonsense=1", "%40"),
    ],
)
def test_no_message_shows_the_password(url: str, fault: str) -> None:
    with pytest.raises((StorageUnavailable, InvalidRequest), match=fault) as caught:
        open_store(url)
    error: BaseException | None = caught.value
    while error:
        assert "hunter2" not in str(error)
        error = error.__cause__


def test_a_wrong_password_is_refused_without_showing_it(new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url().replace("postgres:@", "nobody:hunter2@")
    if "hunter2" not in url:
        pytest.skip("the given server's URL has another user")
    with pytest.raises(StorageUnavailable, match="nobody") as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


def test_urls_are_shown_without_their_password() -> None:
    assert shown("postgresql://ada:p@ss:word@host/db?password=x&sslmode=require") == (
        "postgresql://ada:***@host/db?password=***&sslmode=require"
    )
    assert shown("sqlite:///a.db") == "sqlite:///a.db"


# --- SQLite -----------------------------------------------------------------------------------------------------------


def test_a_relative_path_is_relative_to_the_folder_it_was_opened_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with opened("sqlite:///with space, ? # % and é.db") as store:
        monkeypatch.chdir("/")
        thread = Thread(target=write, args=(store, "a", 0, 1))
        thread.start()
        thread.join()
        assert texts(store, "a") == [1]
    assert (tmp_path / "with space, ? # % and é.db").exists()


def test_a_file_is_durable_and_marked_as_ours(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(f"sqlite:///{path}") as store:
        connection = store._recorder.datastore.connection()  # type: ignore[attr-defined]
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert os.listdir(tmp_path) == ["ledger.db"]


@pytest.mark.parametrize("content", [b"not a database", b"x" * 10_000, b"SQLite format 3\0" + b"x" * 10_000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(StorageCorrupt, match=r"notes\.txt"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize("statement", ["CREATE TABLE customers (name)", "PRAGMA application_id = 7"])
def test_a_database_of_another_application_is_refused_and_left_alone(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    content = path.read_bytes()
    with pytest.raises(StorageCorrupt, match="another application"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with opened(f"sqlite:///{path}") as store:
        write(store, "a", 0, 1)


def test_a_missing_folder_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "ledger.db", tmp_path):
        with pytest.raises(StorageUnavailable, match="unable to open"):
            open_store(f"sqlite:///{path}")


def test_a_full_disk_stops_the_append_and_nothing_else(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        write(store, "a", 0, 1)
        connection = store._recorder.datastore.connection()  # type: ignore[attr-defined]
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        for attempt in (["x" * 100_000], ["x", "x" * 100_000]):
            with pytest.raises(StorageUnavailable, match="make room on the disk"):
                write(store, "a", 1, *attempt)
        assert texts(store, "a") == [1]
        connection.execute(f"PRAGMA max_page_count = {pages + 1_000}")
        write(store, "a", 1, "x" * 100_000)
        assert store.head("a") == 2


def test_a_writer_waits_for_another_process_and_says_so_when_it_takes_too_long(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(f"sqlite:///{path}") as store:
        store._recorder.datastore.connection().execute("PRAGMA busy_timeout = 50")  # type: ignore[attr-defined]
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for texts_ in ([1], [1, 2]):
                with pytest.raises(StorageUnavailable, match="locked"):
                    write(store, "a", 0, *texts_)
            assert store.head("a") == 0
        write(store, "a", 0, 1)


READ = """
import os, sys
from flowledger.domain.catalogue import EVENT_TYPES
from flowledger.domain.errors import StorageUnavailable
from flowledger.infrastructure import sqlite
from flowledger.infrastructure.backends import open_store
sys.path.insert(0, {here!r})
from events import texts, write
write(open_store("memory:"), "a", 0, "loads what is loaded late, while that is still allowed")
if os.geteuid() == 0:
    os.setuid(65534)
store = open_store({url!r})
print(texts(store, "a"))
try:
    write(store, "a", 1, 2)
except StorageUnavailable as error:
    print(error)
store.close()
"""


@pytest.mark.parametrize("others_read", [False, True])
def test_a_store_on_a_read_only_disk_can_be_read_and_refuses_writes(
    tmp_path_factory: pytest.TempPathFactory, others_read: bool
) -> None:
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    path = folder / "ledger.db"
    url = f"sqlite:///{path}"
    store = open_store(url)
    write(store, "a", 0, 1)
    if not others_read:
        store.close()
    path.chmod(0o444)
    folder.chmod(0o555)
    try:
        script = READ.format(here=str(Path(__file__).parent), url=url)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, done.stderr
        read, refused = done.stdout.splitlines()
        assert read == "[1]"
        assert "read-only" in refused
    finally:
        folder.chmod(0o755)
        store.close()
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def test_connections_of_finished_threads_are_closed(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'ledger.db'}")
    connections: list[sqlite3.Connection] = []

    def use() -> None:
        write(store, "a", len(connections), "x")
        connections.append(store._recorder.datastore.connection())  # type: ignore[attr-defined]

    for _ in range(3):
        thread = Thread(target=use)
        thread.start()
        thread.join()
    assert [is_closed(connection) for connection in connections] == [True, True, False]
    use()
    store.close()
    assert all(map(is_closed, connections))
    with pytest.raises(StorageUnavailable):
        store.head("a")


def is_closed(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return True
    return False


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def test_a_closed_store_says_so(store_url: str) -> None:
    if store_url == "memory:":
        pytest.skip("memory has nothing to close")
    store = open_store(store_url)
    store.close()
    store.close()
    with pytest.raises(StorageUnavailable, match=r"closed"):
        store.head("a")


def test_a_store_may_be_closed_while_threads_use_it(durable_url: str) -> None:
    store = open_store(durable_url)
    write(store, "a", 0, *range(500))
    at_work = Barrier(7)

    def use_until_closed(number: int) -> str:
        at_work.wait()
        version = 0
        try:
            while True:
                texts(store, "a")
                write(store, f"s{number}", version, "x")
                version += 1
        except StorageUnavailable as error:
            return str(error)

    with ThreadPoolExecutor(6) as threads:
        told = [threads.submit(use_until_closed, number) for number in range(6)]
        at_work.wait()
        write(store, "b", 0, 1)
        store.close()
        assert all("closed" in future.result() for future in told)
    with opened(durable_url) as again:
        for event in again.tail():
            assert again.head(event.stream) >= event.version


@pytest.fixture
def pool(new_postgres_url: Callable[[], str]) -> Iterator[ConnectionPool]:
    pool = ConnectionPool(new_postgres_url(), size=2, timeout=0.05)
    yield pool
    pool.close()


def test_the_pool_is_bounded_and_says_when_it_is_used_up(pool: ConnectionPool) -> None:
    from eventsourcing.persistence import OperationalError

    first, second = pool.take(), pool.take()
    with pytest.raises(OperationalError, match="all 2 of the pool are in use"):
        pool.take()
    pool.give_back(first)
    assert pool.take() is first
    pool.give_back(second)
    pool.give_back(first)
    assert pool.take() is first
    pool.give_back(first)


def test_a_broken_connection_makes_room_for_a_new_one(pool: ConnectionPool) -> None:
    first, second = pool.take(), pool.take()
    first.close()
    pool.give_back(first)
    second.execute("BEGIN")
    pool.give_back(second)
    assert second.closed
    fresh = [pool.take(), pool.take()]
    assert all(connection.execute("SELECT 1").fetchone() == (1,) for connection in fresh)
    for connection in fresh:
        pool.give_back(connection)


def test_a_thread_that_waits_gets_the_connection_that_is_given_back(new_postgres_url: Callable[[], str]) -> None:
    pool = ConnectionPool(new_postgres_url(), size=1, timeout=30)
    taken = pool.take()
    got = Event()

    def wait_for_it() -> None:
        pool.give_back(pool.take())
        got.set()

    thread = Thread(target=wait_for_it)
    thread.start()
    pool.give_back(taken)
    assert got.wait(30)
    thread.join()
    pool.close()


def test_a_connection_in_use_is_closed_when_it_comes_back_to_a_closed_pool(pool: ConnectionPool) -> None:
    taken = pool.take()
    pool.close()
    pool.give_back(taken)
    assert taken.closed


def test_a_statement_that_takes_too_long_is_not_stored(new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url()
    with opened(f"{url}%20-c%20lock_timeout%3D1") as store, psycopg.connect(url) as other:
        other.execute("LOCK TABLE stored_events")
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
            connection.execute("DROP TABLE stored_events")
        for attempt in (lambda: store.head("a"), lambda: write(store, "a", 0, 1), lambda: write(store, "a", 0, 1, 2)):
            with pytest.raises(StorageCorrupt, match="stored_events"):
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


FORK = """
import os, sys
sys.path.insert(0, {here!r})
from events import open_store, texts, write
store = open_store({url!r})
write(store, "a", 0, 1)
if os.fork() == 0:
    write(store, "a", 1, 2)
    store.close()
    sys.exit(0)
assert os.wait()[1] == 0
write(store, "a", 2, 3)
print(texts(store, "a"))
store.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_opens_connections_of_its_own(durable_url: str) -> None:
    script = FORK.format(here=str(Path(__file__).parent), url=durable_url)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1, 2, 3]\n", "")


def test_opening_sqlite_loads_no_postgresql_driver(tmp_path: Path) -> None:
    script = (
        "import sys; from flowledger.infrastructure.backends import open_store; "
        f"open_store('sqlite:///{tmp_path / 'ledger.db'}').close(); open_store('memory:').close(); "
        "assert not any(name.startswith('psycopg') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_librarys_own_methods_work_on_our_connections(new_postgres_url: Callable[[], str]) -> None:
    datastore = PooledDatastore(new_postgres_url())
    with datastore.transaction(commit=True) as cursor:
        cursor.execute("SELECT 1 AS one")
        assert cursor.fetchone() == {"one": 1}
    with datastore.connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    datastore.close()
