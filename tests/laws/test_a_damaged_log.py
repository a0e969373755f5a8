"""A log that was damaged behind our back: said so, in our words, and never a wrong answer."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

FAR = datetime(2100, 1, 1, tzinfo=UTC)


def story(path: Path) -> str:
    """A workflow saved three times, and a run of five steps. Returns the run's id."""
    executors = fl.ExecutorRegistry()
    executors.register("n")(lambda step: step.data)
    with fl.open_ledger(f"sqlite:///{path}", executors) as ledger:
        for draft in range(3):
            nodes = [{"id": f"n{i}", "type": "n", "data": {"draft": draft}} for i in range(5)]
            edges = [{"source": f"n{i}", "target": f"n{i + 1}"} for i in range(4)]
            ledger.workflows.save({"nodes": nodes, "edges": edges}, workflow_id="w")
        return ledger.runs.start("w").id


def damage(path: Path, statement: str, *arguments: Any) -> None:
    connection = sqlite3.connect(path)
    for trigger in ("update", "delete", "replace"):
        connection.execute(f"DROP TRIGGER stored_events_refuse_{trigger}")
    assert connection.execute(statement, arguments).rowcount == 1
    connection.commit()
    connection.close()


READS: dict[str, Callable[[fl.Ledger, str], Any]] = {
    "now": lambda ledger, run_id: ledger.history.snapshot(run_id),
    "every version": lambda ledger, run_id: list(ledger.history.snapshots(run_id)),
    "as of a time": lambda ledger, run_id: ledger.history.snapshot(run_id, at=FAR),
    "as of a time, async": lambda ledger, run_id: asyncio.run(
        asyncio.wait_for(ledger.history.asnapshot(run_id, at=FAR), 30)
    ),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("version", [2, 3, 4])
def test_a_missing_event_of_a_run_is_said(tmp_path: Path, read: str, version: int) -> None:
    path = tmp_path / "damaged.db"
    run_id = story(path)
    damage(path, "DELETE FROM stored_events WHERE originator_id = ? AND originator_version = ?", run_id, version)
    with fl.open_ledger(f"sqlite:///{path}") as ledger, pytest.raises(fl.StorageError):
        READS[read](ledger, run_id)


@pytest.mark.parametrize("version", [1, 2])
def test_a_missing_save_is_not_answered_with_an_older_one(tmp_path: Path, version: int) -> None:
    path = tmp_path / "damaged.db"
    story(path)
    damage(path, "DELETE FROM stored_events WHERE originator_id = 'workflow:w' AND originator_version = ?", version)
    with fl.open_ledger(f"sqlite:///{path}") as ledger, pytest.raises(fl.StorageError):
        ledger.workflows.get("w", version=version)


BODIES = ['{"recorded_at":1,"by":"x"}', '{"recorded_at":1,"by":"x","node_id":"n1","started_at":"a","next_node_id":"n"}']


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("read", ["now", "every version"])
def test_a_body_that_is_none_of_its_type_is_not_readable(tmp_path: Path, read: str, body: str) -> None:
    path = tmp_path / "damaged.db"
    run_id = story(path)
    damage(
        path,
        "UPDATE stored_events SET state = substr(state, 1, 41) || ? WHERE originator_id = ? AND originator_version = 3",
        body.encode(),
        run_id,
    )
    with fl.open_ledger(f"sqlite:///{path}") as ledger, pytest.raises(fl.EventNotReadable) as caught:
        READS[read](ledger, run_id)
    assert (caught.value.stream, caught.value.version) == (run_id, 3)


@pytest.mark.parametrize("read", ["now", "every version"])
def test_an_event_of_another_kind_of_stream_is_not_readable(tmp_path: Path, read: str) -> None:
    path = tmp_path / "damaged.db"
    run_id = story(path)
    damage(
        path,
        "UPDATE stored_events SET topic = 'workflow.saved' WHERE originator_id = ? AND originator_version = 3",
        run_id,
    )
    with fl.open_ledger(f"sqlite:///{path}") as ledger, pytest.raises(fl.EventNotReadable):
        READS[read](ledger, run_id)
