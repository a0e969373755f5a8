"""No room, no right to write: StorageUnavailable; when the cause is gone the run goes on, nothing lost or doubled."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowledger as fl

from .filler import DEFINITION, executors, seen


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this needs a small disk, and mounting one is not allowed here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("this needs a small disk, and only root may mount one")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk))
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_file_that_may_not_grow_stops_the_run_until_it_may(tmp_path: Path) -> None:
    script = Path(__file__).with_name("filler.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "store.db"), "200000"], capture_output=True, text=True
    )
    assert done.stderr == ""
    refused, *still, counts, end = done.stdout.splitlines()
    assert refused.startswith("unavailable: the SQLite store ")
    assert still == ["still unavailable"] * 2
    status, steps, executed = counts.split()
    assert status == "active"
    assert int(executed) == int(steps) + 1
    assert end == "completed True"


def test_a_full_disk_stops_the_run_until_there_is_room(small_disk: Path) -> None:
    seen.clear()
    with fl.open_ledger(f"sqlite:///{small_disk / 'store.db'}", executors, checkpoint_every=1) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
        with pytest.raises(fl.StorageUnavailable, match=r"store\.db"):
            ledger.runs.proceed(run.id)
        stored = ledger.runs.get(run.id)
        assert stored.status == "active"
        pending = seen[-1]
        assert stored.version == 1 + len(seen)
        with pytest.raises(fl.StorageUnavailable):
            ledger.runs.proceed(run.id)
        assert ledger.runs.get(run.id).snapshot.context == stored.snapshot.context
        assert ledger.verify().ok
        mount("-o", "remount,size=16m", str(small_disk))
        assert ledger.runs.proceed(run.id).status == "completed"
        assert ledger.verify().ok
    executions = Counter(seen)
    assert executions.pop(pending) >= 2
    assert sorted(executions.values()) == [1] * 20


def test_what_was_stored_before_the_disk_was_full_is_there_after_reopening(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk / 'store.db'}"
    with fl.open_ledger(url, executors) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
        with pytest.raises(fl.StorageUnavailable):
            ledger.runs.proceed(run.id)
        before = list(ledger.history.events(run.id))
    with fl.open_ledger(url, executors) as ledger:
        assert list(ledger.history.events(run.id)) == before


def test_a_disk_that_has_become_read_only_refuses_writes_and_still_answers(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk / 'store.db'}"
    with fl.open_ledger(url, executors) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
    mount("-o", "remount,ro", str(small_disk))
    with fl.open_ledger(url, executors) as ledger:
        assert ledger.runs.get(run.id) == run
        for write in (
            lambda: ledger.runs.proceed(run.id),
            lambda: ledger.runs.hold(run.id),
            lambda: ledger.workflows.save({"nodes": [{"id": "x", "type": "fill"}]}, workflow_id="new"),
        ):
            with pytest.raises(fl.StorageUnavailable, match="read-only"):
                write()
    mount("-o", "remount,rw,size=16m", str(small_disk))
    with fl.open_ledger(url, executors) as ledger:
        assert ledger.runs.proceed(run.id).status == "completed"


def test_a_store_cannot_be_made_on_a_read_only_disk(small_disk: Path) -> None:
    mount("-o", "remount,ro", str(small_disk))
    with pytest.raises(fl.StorageUnavailable, match=r"store\.db"):
        fl.open_ledger(f"sqlite:///{small_disk / 'store.db'}")


def test_a_store_cannot_be_made_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(fl.StorageUnavailable, match="check that its folder exists"):
        fl.open_ledger(f"sqlite:///{tmp_path / 'nowhere' / 'store.db'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "workflow.json", "workflow.yaml", "new-folder"])
def test_an_export_to_a_full_disk_leaves_what_was_there(small_disk: Path, name: str) -> None:
    with fl.open_ledger("memory:") as ledger:
        nodes = [{"id": f"n{place}", "type": "t", "code": "x" * 1_000} for place in range(3)]
        ledger.workflows.save({"nodes": nodes, "edges": [], "start": "n0"}, workflow_id="w")
        if not name.startswith("new"):
            ledger.workflows.export("w", small_disk / name)
        before = contents(small_disk)
        nodes = [{"id": f"n{place}", "type": "t", "code": "y" * 300_000} for place in range(2, 9)]
        ledger.workflows.save({"nodes": nodes, "edges": [], "start": "n2"}, workflow_id="w")
        with pytest.raises(fl.StorageUnavailable, match="No space left"):
            ledger.workflows.export("w", small_disk / name)
        assert contents(small_disk) == before
        mount("-o", "remount,size=16m", str(small_disk))
        ledger.workflows.export("w", small_disk / name)
        assert fl.read_definition(small_disk / name) == ledger.workflows.get("w").definition


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
