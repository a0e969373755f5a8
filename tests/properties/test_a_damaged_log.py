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
        connection.execute(f"DROP TRIGGER flowledger_events_refuse_{trigger}")
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
    damage(path, "DELETE FROM flowledger_events WHERE originator_id = ? AND originator_version = ?", run_id, version)
    with fl.open_ledger(f"sqlite:///{path}") as ledger, pytest.raises(fl.StorageError):
        READS[read](ledger, run_id)


@pytest.mark.parametrize("version", [1, 2])
def test_a_missing_save_is_not_answered_with_an_older_one(tmp_path: Path, version: int) -> None:
    path = tmp_path / "damaged.db"
    story(path)
    damage(path, "DELETE FROM flowledger_events WHERE originator_id = 'workflow:w' AND originator_version = ?", version)
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
        "UPDATE flowledger_events SET state = substr(state, 1, 41) || ? "
        "WHERE originator_id = ? AND originator_version = 3",
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
        "UPDATE flowledger_events SET topic = 'workflow.saved' WHERE originator_id = ? AND originator_version = 3",
        run_id,
    )
    with fl.open_ledger(f"sqlite:///{path}") as ledger, pytest.raises(fl.EventNotReadable):
        READS[read](ledger, run_id)


def long_story(path: Path) -> str:
    """A run of 300 steps of one node that leads to itself. Returns the run's id."""
    executors = fl.ExecutorRegistry()
    executors.register("n")(lambda step: fl.StepResult(step.runs, "more" if step.runs < 299 else None))
    with fl.open_ledger(f"sqlite:///{path}", executors) as ledger:
        loop = {"source": "n", "target": "n", "sourceHandle": "more"}
        ledger.workflows.save(
            {
                "nodes": [{"id": "n", "type": "n"}, {"id": "end", "type": "n"}],
                "edges": [loop, {"source": "n", "target": "end"}],
                "start": "n",
            },
            workflow_id="w",
        )
        return ledger.runs.start("w").id


@pytest.mark.parametrize("body", ["no JSON}", '{"recorded_at":1,"by":"x"}', BODIES[1]])
def test_in_a_long_run_a_damaged_step_is_told_to_whoever_looks_at_it_or_behind_it(tmp_path: Path, body: str) -> None:
    path = tmp_path / "damaged.db"
    run_id = long_story(path)
    damage(
        path,
        "UPDATE flowledger_events SET state = substr(state, 1, 41) || ? "
        "WHERE originator_id = ? AND originator_version = 150",
        body.encode(),
        run_id,
    )
    with fl.open_ledger(f"sqlite:///{path}") as ledger:
        last = ledger.history.snapshot(run_id)
        assert last.status == "completed"
        walked = list(ledger.history.snapshots(run_id))
        assert walked[147].to_json() == ledger.history.snapshot(run_id, version=148).to_json()
        for look in (last.to_json, lambda: walked[149].current_node_id, lambda: walked[200].context["n"][-1]):
            with pytest.raises(fl.EventNotReadable) as caught:
                look()
            assert (caught.value.stream, caught.value.version) == (run_id, 150)
        assert {(found.stream, found.version) for found in ledger.verify().findings} >= {(run_id, 150)}


@pytest.mark.parametrize("state", [b"", b"\x01", b"\x02{}", b"\x03{}", b"\x01" + bytes(40) + b'{"recorded_at"'])
def test_in_a_long_run_what_is_no_event_at_all_is_told_by_the_read(tmp_path: Path, state: bytes) -> None:
    path = tmp_path / "damaged.db"
    run_id = long_story(path)
    statement = "UPDATE flowledger_events SET state = ? WHERE originator_id = ? AND originator_version = 150"
    damage(path, statement, state, run_id)
    for read in READS.values():
        with fl.open_ledger(f"sqlite:///{path}") as ledger, pytest.raises(fl.EventNotReadable):
            read(ledger, run_id)
