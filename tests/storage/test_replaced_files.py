"""Somebody moves another file to the place of an SQLite store, or deletes it, under processes that have it open."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowledger.domain.errors import EventsLost, StorageUnavailable
from flowledger.domain.ports import Write
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.storage.sqlite import datastore as sqlite_connections

from .events import notes, opened, texts, write
from .restorable import SQLiteStore


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sqlite_connections, "CHECK_EVERY", 0)
    return tmp_path / "ledger.db"


@pytest.fixture
def store(path: Path) -> Iterator[LedgerEventStore]:
    with opened(f"sqlite:///{path}") as store:
        write(store, "a", 0, 1)
        yield store


@pytest.fixture
def backup(store: LedgerEventStore, path: Path) -> SQLiteStore:
    backup = SQLiteStore(f"sqlite:///{path}")
    backup.keep()
    return backup


def test_a_file_is_not_opened_beside_the_log_of_the_one_before(
    store: LedgerEventStore, backup: SQLiteStore, path: Path
) -> None:
    write(store, "a", 1, 2)
    backup.replace()
    for attempt in (lambda: write(store, "a", 2, 3), lambda: texts(store, "a")):
        with pytest.raises(StorageUnavailable, match=r"the log of the old one still lies beside it, as "):
            attempt()
    remove_log(path)
    with pytest.raises(EventsLost, match="event 2 is gone"):
        write(store, "a", 2, 3)
    write(store, "a", 1, "2 anew")
    with opened(f"sqlite:///{path}") as other:
        assert texts(other, "a") == texts(store, "a") == [1, "2 anew"]


def test_readers_see_the_file_that_is_there_now(store: LedgerEventStore, backup: SQLiteStore, path: Path) -> None:
    write(store, "a", 1, 2)
    assert texts(store, "a") == [1, 2]
    backup.replace()
    remove_log(path)
    assert texts(store, "a") == [1]


@pytest.mark.parametrize("count", [1, 2])
def test_what_was_written_to_the_old_file_last_goes_into_the_new_one_where_that_holds_what_is_before(
    store: LedgerEventStore, backup: SQLiteStore, path: Path, count: int
) -> None:
    backup.replace()
    remove_log(path)
    store.append(Write("a", 1, notes(*range(count))))
    with opened(f"sqlite:///{path}") as other:
        assert texts(other, "a") == [1, *range(count)]


def remove_log(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def test_a_deleted_file_is_missed_and_not_made_anew(store: LedgerEventStore, backup: SQLiteStore, path: Path) -> None:
    moved = path.rename(path.with_name("moved"))
    for attempt in (lambda: write(store, "a", 1, 2), lambda: store.head("a"), lambda: write(store, "b", 0, 1)):
        with pytest.raises(StorageUnavailable, match=r"the file is gone|was replaced or removed"):
            attempt()
    assert not path.exists()
    moved.rename(path)
    assert store.head("a") in (1, 2)
