"""An import takes a run along edges of its definition alone, on failures and on conditions too."""

from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .forging import Event, forged

DEFINITION: dict[str, Any] = {
    "nodes": [{"id": node, "type": "work"} for node in ("work", "next", "clean", "other")],
    "edges": [
        {"source": "work", "target": "next", "when": "payload == 1"},
        {"source": "work", "target": "clean", "on": "failure"},
        {"source": "work", "target": "other", "enabled": False},
    ],
    "start": "work",
}


def exported(payload: Any, folder: Path) -> bytes:
    executors = fl.ExecutorRegistry()

    @executors.register("work")
    def work(step: fl.StepContext) -> None:
        if step.payload == "bad":
            raise RuntimeError("503")

    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
        run = ledger.runs.start("w", payload=payload)
        ledger.history.export(run.id, folder / "run.jsonl")
    return (folder / "run.jsonl").read_bytes()


def step_of(events: list[Event]) -> dict[str, Any]:
    data: dict[str, Any] = next(event["data"] for event in events if event["type"].startswith("run.step_"))
    return data


@pytest.mark.parametrize("payload", [1, 2, "bad"])
def test_what_was_recorded_is_imported(payload: Any, tmp_path: Path) -> None:
    content = exported(payload, tmp_path)
    (tmp_path / "same.jsonl").write_bytes(forged(content, lambda events: None))
    with fl.open_ledger("memory:") as ledger:
        assert ledger.history.import_(tmp_path / "same.jsonl")


@pytest.mark.parametrize(
    ("payload", "change"),
    [
        (1, {"next_node_id": "clean"}),
        (1, {"next_node_id": "other"}),
        (1, {"no_condition_held": True}),
        (2, {"no_condition_held": None}),
        ("bad", {"next_node_id": "next"}),
        ("bad", {"retry_at": 1_800_000_000_000_000}),
        ("bad", {"no_condition_held": True}),
    ],
)
def test_a_way_that_no_edge_leads_is_refused(payload: Any, change: dict[str, Any], tmp_path: Path) -> None:
    def alter(events: list[Event]) -> None:
        data = step_of(events)
        for key, value in change.items():
            data.pop(key) if value is None else data.update({key: value})

    (tmp_path / "forged.jsonl").write_bytes(forged(exported(payload, tmp_path), alter))
    with fl.open_ledger("memory:") as ledger:
        with pytest.raises(fl.InvalidExport, match="no edge leads from node 'work' where it says"):
            ledger.history.import_(tmp_path / "forged.jsonl")
        assert ledger.verify().events == 0
