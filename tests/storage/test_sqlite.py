"""What is particular to a store in an SQLite file."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from flowledger.domain.errors import StorageCorrupt, StorageUnavailable
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.sqlite.schema import APPLICATION_ID

from .events import opened, texts, write


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
        connection = store.recorder.datastore.connection()  # type: ignore[attr-defined]
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
        connection = store.recorder.datastore.connection()  # type: ignore[attr-defined]
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
        store.recorder.datastore.connection().execute("PRAGMA busy_timeout = 50")  # type: ignore[attr-defined]
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for texts_ in ([1], [1, 2]):
                with pytest.raises(StorageUnavailable, match="locked"):
                    write(store, "a", 0, *texts_)
            assert store.head("a") == 0
        write(store, "a", 0, 1)


def test_connections_of_finished_threads_are_closed(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'ledger.db'}")
    connections: list[sqlite3.Connection] = []

    def use() -> None:
        write(store, "a", len(connections), "x")
        connections.append(store.recorder.datastore.connection())  # type: ignore[attr-defined]

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
