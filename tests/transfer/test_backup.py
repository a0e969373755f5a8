"""A backup is a whole store in one file, as the store was when it began, whoever writes meanwhile."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.storage.sql import queries
from flowledger.infrastructure.transfer import backup as backups
from flowledger.infrastructure.transfer.backup import back_up_at, without_password


@pytest.fixture
def executors() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    executors.register("echo")(lambda step: step.payload)
    return executors


@pytest.fixture
def ledger(tmp_path: Path, executors: fl.ExecutorRegistry) -> Any:
    (tmp_path / "store").mkdir()
    with fl.open_ledger(f"sqlite:///{tmp_path}/store/s.db", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "echo"}]}, workflow_id="w")
        yield ledger


def runs_in(path: Path) -> set[str]:
    with fl.open_ledger(f"sqlite:///{path}", create=False) as copy:
        report = copy.verify()
        assert report.ok
        return {run.id for run in copy.history.runs(limit=1_000)}


def test_a_copy_is_a_store_by_itself_and_private(
    ledger: fl.Ledger, tmp_path: Path, executors: fl.ExecutorRegistry
) -> None:
    runs = {ledger.runs.start("w", payload=number).id for number in range(20)}
    told: list[float] = []
    report = ledger.backup(tmp_path / "copy.db", progress=told.append)
    assert sorted(os.listdir(tmp_path)) == ["copy.db", "store"]
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    seen = ledger.verify()
    size = (tmp_path / "copy.db").stat().st_size
    assert report == fl.BackupReport(str(tmp_path / "copy.db"), seen.events, seen.streams, size)
    assert told[-1] == 1.0
    # By itself: it needs no log, and is opened as a store is, with one.
    (tmp_path / "moved").mkdir()
    (tmp_path / "copy.db").rename(tmp_path / "moved/away.db")
    assert runs_in(tmp_path / "moved/away.db") == runs
    with fl.open_ledger(f"sqlite:///{tmp_path}/moved/away.db", executors) as copy:
        assert copy.runs.start("w").status == "completed"
        with closing(sqlite3.connect(tmp_path / "moved/away.db")) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_is_written_meanwhile_neither_gets_in_nor_starts_the_copy_anew(
    ledger: fl.Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {ledger.runs.start("w", payload="x" * 2_000).id for _ in range(30)}
    monkeypatch.setattr(backups, "_PAGES", 5)
    told: list[float] = []

    def write_between_the_steps(done: float) -> None:
        told.append(done)
        ledger.runs.start("w", payload="y" * 20_000)

    ledger.backup(tmp_path / "copy.db", progress=write_between_the_steps)
    assert len(told) > 10
    assert told == sorted(told)
    assert runs_in(tmp_path / "copy.db") == before
    assert len(ledger.history.runs(limit=1_000)) == len(before) + len(told)


def test_all_that_was_acknowledged_before_is_in_a_copy_made_beside_busy_writers(
    ledger: fl.Ledger, tmp_path: Path
) -> None:
    stop, acknowledged = Event(), list[str]()

    def work() -> None:
        while not stop.is_set():
            acknowledged.append(ledger.runs.start("w").id)

    writers = [Thread(target=work) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for number in range(5):
            known = [*acknowledged]
            ledger.backup(tmp_path / f"{number}.db")
            assert set(known) <= runs_in(tmp_path / f"{number}.db")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert ledger.verify().ok


def test_tasks_have_it_too(ledger: fl.Ledger, tmp_path: Path) -> None:
    report = asyncio.run(ledger.abackup(tmp_path / "copy.db"))
    assert report.events == 1


# --- where it is written ----------------------------------------------------------------------------------------------


def test_a_file_that_is_there_is_only_replaced_by_force(ledger: fl.Ledger, tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    path.write_text("mine")
    path.chmod(0o640)
    with pytest.raises(fl.InvalidRequest, match=r"copy.db' is there already: choose another name, or give --force"):
        ledger.backup(path)
    assert path.read_text() == "mine"
    ledger.backup(path, force=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert runs_in(path) == set()


def test_a_file_that_comes_meanwhile_is_not_replaced(ledger: fl.Ledger, tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    with pytest.raises(fl.StorageUnavailable, match="File exists"):
        ledger.backup(path, progress=lambda done: path.write_text("mine"))
    assert path.read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["copy.db", "store"]


def test_the_store_itself_is_never_replaced(ledger: fl.Ledger, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to("store/s.db")
    os.link(tmp_path / "store/s.db", tmp_path / "hard.db")
    for name in ("store/s.db", "link.db", "hard.db"):
        with pytest.raises(fl.InvalidRequest, match="is the store itself"):
            ledger.backup(tmp_path / name, force=True)
    ledger.runs.start("w")
    assert ledger.verify().ok


@pytest.mark.parametrize("beside", ["-wal", "-shm", "-journal"])
def test_a_place_with_the_log_of_another_database_is_refused(ledger: fl.Ledger, tmp_path: Path, beside: str) -> None:
    (tmp_path / f"copy.db{beside}").write_bytes(b"")
    for force in (False, True):
        with pytest.raises(fl.InvalidRequest, match=f"copy.db{beside}' belongs to a database"):
            ledger.backup(tmp_path / "copy.db", force=force)
    assert not (tmp_path / "copy.db").exists()


def test_a_backup_that_fails_or_is_interrupted_leaves_nothing(ledger: fl.Ledger, tmp_path: Path) -> None:
    def interrupt(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.backup(tmp_path / "copy.db", progress=interrupt)
    with pytest.raises(fl.StorageUnavailable, match=r"there is no folder '.*none'"):
        ledger.backup(tmp_path / "none/copy.db")
    assert os.listdir(tmp_path) == ["store"]


FULL = """
import resource, sys
import flowledger as fl
with fl.open_ledger(f"sqlite:///{sys.argv[1]}", create=False) as ledger:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**17, 2**17))
    try:
        ledger.backup(sys.argv[2])
    except fl.StorageUnavailable as error:
        print(error)
"""


def test_a_full_disk_leaves_no_half_copy(ledger: fl.Ledger, tmp_path: Path) -> None:
    ledger.runs.start("w", payload="x" * 500_000)
    places = [str(tmp_path / "store/s.db"), str(tmp_path / "copy.db")]
    done = subprocess.run([sys.executable, "-c", FULL, *places], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.startswith(f"can't back up {places[0]!r} to {places[1]!r}: ")
    assert os.listdir(tmp_path) == ["store"]


# --- what is copied ---------------------------------------------------------------------------------------------------


def test_a_damaged_store_gives_no_copy(tmp_path: Path, executors: fl.ExecutorRegistry) -> None:
    path = tmp_path / "s.db"
    with fl.open_ledger(f"sqlite:///{path}", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "echo"}]}, workflow_id="w")
        for _ in range(50):
            ledger.runs.start("w", payload="x" * 1_000)
    content = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name IN (?, ?)", backups._EVENTS
        ).fetchone()
    content[(page - 1) * 4096 : page * 4096] = b"\x99" * 4096
    path.write_bytes(content)
    with pytest.raises(fl.StorageError):
        back_up_at(f"sqlite:///{path}", tmp_path / "copy.db")
    assert os.listdir(tmp_path) == ["s.db"]


def test_a_copy_that_lacks_rows_is_thrown_away(
    ledger: fl.Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = backups._check_copy

    def losing(new: Path) -> Any:
        with closing(sqlite3.connect(new)) as connection, connection:
            connection.execute(queries("sqlite")["clear_checkpoints"])
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                connection.execute(f'DROP TRIGGER "{name}"')
            for name in backups._EVENTS:
                if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (name,)).fetchone():
                    connection.execute(f"DELETE FROM {name}")
            connection.execute("PRAGMA journal_mode = DELETE")
        return checked(new)

    monkeypatch.setattr(backups, "_check_copy", losing)
    with pytest.raises(fl.StorageCorrupt, match="is not what the store holds"):
        ledger.backup(tmp_path / "copy.db")
    assert os.listdir(tmp_path) == ["store"]


def test_a_store_of_an_older_release_is_copied_as_it_is(ledger: fl.Ledger, tmp_path: Path) -> None:
    """Who backs up before an upgrade wants no upgrade."""
    ledger.backup(tmp_path / "old.db")
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as connection:
        connection.execute("UPDATE flowledger_schema SET version = 1")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    report = back_up_at(f"sqlite:///{tmp_path}/old.db", tmp_path / "copy.db")
    assert report.events == 1
    for name in ("old.db", "copy.db"):
        with closing(sqlite3.connect(f"file:{tmp_path}/{name}?immutable=1", uri=True)) as connection:
            assert connection.execute("SELECT version FROM flowledger_schema").fetchone() == (1,)


def test_what_is_no_store_of_ours_is_not_copied(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "theirs.db")) as connection, connection:
        connection.execute("CREATE TABLE customers (name text)")
    (tmp_path / "notes.db").write_bytes(b"notes" * 1_000)
    for name in ("theirs.db", "notes.db"):
        with pytest.raises(fl.StorageCorrupt, match=f"{name}"):
            back_up_at(f"sqlite:///{tmp_path}/{name}", tmp_path / "copy.db")
    with pytest.raises(fl.StorageUnavailable, match="no store at"):
        back_up_at(f"sqlite:///{tmp_path}/none.db", tmp_path / "copy.db")
    assert sorted(os.listdir(tmp_path)) == ["notes.db", "theirs.db"]


# --- other stores -----------------------------------------------------------------------------------------------------


def test_a_store_in_memory_says_that_it_is_not_backed_up(tmp_path: Path) -> None:
    with fl.open_ledger("memory:") as ledger, pytest.raises(fl.InvalidRequest, match=r"ends with its process.*export"):
        ledger.backup(tmp_path / "copy.db")
    assert os.listdir(tmp_path) == []


def test_a_store_in_postgresql_says_how_it_is_backed_up(new_postgres_url: Callable[[], str], tmp_path: Path) -> None:
    with fl.open_ledger(new_postgres_url()) as ledger, pytest.raises(fl.InvalidRequest) as told:
        ledger.backup(tmp_path / "copy.dump")
    assert f"pg_dump --format=custom --file={tmp_path}/copy.dump" in str(told.value)
    assert "pg_basebackup" in str(told.value)


def test_no_server_is_asked_how_a_backup_is_made_and_no_password_shown(tmp_path: Path) -> None:
    for url in (
        "postgresql://ada:hunter2@127.0.0.1:1/x",
        "postgresql://ada@127.0.0.1:1/x?password=hunter2&connect_timeout=1",
        "postgresql://ada:hun@ter2@127.0.0.1:1/x",
    ):
        with pytest.raises(fl.InvalidRequest, match=r"pg_dump .*postgresql://ada@127\.0\.0\.1:1/x") as told:
            back_up_at(url, tmp_path / "copy.dump")
        assert "ter2" not in str(told.value)


def test_a_url_without_its_password_still_leads_there() -> None:
    assert {url: without_password(url) for url in URLS} == URLS


URLS = {
    "postgresql://ada:p%40ss@host:5/db?sslmode=require": "postgresql://ada@host:5/db?sslmode=require",
    "postgresql://ada@host/db": "postgresql://ada@host/db",
    "postgresql:///db?host=/tmp&password=x": "postgresql:///db?host=/tmp",
    "postgresql:///db?password=x&user=ada&sslpassword=y": "postgresql:///db?user=ada",
    "postgres://:x@host/db": "postgres://@host/db",
}
