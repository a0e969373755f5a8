"""An adopted snapshot in a stranger's file must be one that could have been adopted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from ..ledger.test_adopt import DUE, Desk
from .forging import Event, forged


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Of a run that was adopted behind its second attempt, and made its third."""
    path = tmp_path_factory.mktemp("adopted") / "run.jsonl"
    desk = Desk("memory:")
    run = desk.adopt(DUE, idempotency_key="once")
    desk.runs.proceed(run.id)
    desk.history.export(run.id, path)
    return path.read_bytes()


def adopted(change: Callable[[dict[str, Any]], Any]) -> Callable[[list[Event]], None]:
    def forge(events: list[Event]) -> None:
        change(next(event["data"] for event in events if event["type"] == "run.started"))

    return forge


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no snapshot": lambda data: data["adopted"].update(status="running"),
    "another node": lambda data: data.update(start_node_id="fetch"),
    "a node that isn't there": lambda data: data["adopted"].update(currentNodeId="x") or data.update(start_node_id="x"),
    "a payload besides": lambda data: data.update(payload=1),
    "an origin besides": lambda data: data.update(origin={"kind": "retry", "run_id": "x", "version": 0}),
    "other attempts": lambda data: data["adopted"]["retryState"].update(attempts=1),
    "another status": lambda data: data["adopted"].update(status="paused"),
    "another key's": lambda data: data["adopted"].update(tenant="south"),
    "more time": lambda data: data["adopted"].update(totalExecutionTime=10**9),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_forged_adoption_is_refused(export: bytes, change: str, tmp_path: Path) -> None:
    path = tmp_path / "forged.jsonl"
    path.write_bytes(forged(export, adopted(CHANGES[change])))
    with fl.open_ledger("memory:") as ledger:
        with pytest.raises(fl.InvalidExport):
            ledger.history.import_(path)
        assert ledger.verify().events == 0


def test_the_same_file_as_it_was_written_is_imported(export: bytes, tmp_path: Path) -> None:
    path = tmp_path / "same.jsonl"
    path.write_bytes(forged(export, lambda events: events))
    with fl.open_ledger("memory:") as ledger:
        assert ledger.history.import_(path).added > 0
