"""A ledger whose nodes do what their data says, and what it has recorded of a run."""

from pathlib import Path
from typing import Any

import flowledger as fl

QUICK = fl.RetryPolicy(max_retries=1, interval=0)


def play(step: fl.StepContext) -> Any:
    """Returns its data, by the handle in it; or fails: always, or as often as the data says."""
    data = step.data if isinstance(step.data, dict) else {}
    if "fails" in data and (data["fails"] is True or step.attempt <= data["fails"]):
        raise RuntimeError(data.get("says", "503"))
    return fl.StepResult(step.data, handle=data.get("handle"))


def executors() -> fl.ExecutorRegistry:
    registry = fl.ExecutorRegistry()
    registry.register("play", retry=QUICK)(play)
    return registry


def definition(nodes: dict[str, Any], *edges: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Nodes as id → data; edges as they are."""
    return {
        "nodes": [{"id": node_id, "type": "play", "data": data} for node_id, data in nodes.items()],
        "edges": [*edges],
        "start": next(iter(nodes)),
        **more,
    }


def edge(source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "target": target, **more}


def follow(ledger: fl.Ledger, saved: dict[str, Any], **given: Any) -> fl.Run:
    """The run of a definition, with all its retries."""
    ledger.workflows.save(saved, workflow_id="w", by="ada")
    run = ledger.runs.start("w", **given)
    while run.status == "error":
        run = ledger.runs.proceed(run.id, globals=given.get("globals"))
    return run


def path_of(run: fl.Run) -> list[str]:
    """The nodes that have run, in order."""
    return [placed.node_id for placed in run.snapshot.context.placed()]


def last_event(ledger: fl.Ledger, run: fl.Run, type: str) -> dict[str, Any]:
    """The body of the run's last event of a type."""
    return [dict(event.data) for event in ledger.history.events(run.id) if event.type == type][-1]


def assert_recorded_well(ledger: fl.Ledger, run: fl.Run, folder: Path) -> None:
    """It replays, the store is sound, and its export makes the same run elsewhere."""
    report = ledger.history.replay(run.id, verify=True)
    assert report.ok, report.divergence
    assert ledger.verify().ok
    file = folder / f"{run.id}.jsonl"
    ledger.history.export(run.id, file)
    with fl.open_ledger("memory:", executors()) as elsewhere:
        elsewhere.history.import_(file)
        assert elsewhere.history.snapshot(run.id) == run.snapshot
        assert without_positions(elsewhere, run) == without_positions(ledger, run)
        assert elsewhere.verify().ok


def without_positions(ledger: fl.Ledger, run: fl.Run) -> list[dict[str, Any]]:
    """The attempts of the run's audit; positions belong to a store."""
    attempts = ledger.history.audit(run.id).to_data()["attempts"]
    return [{key: value for key, value in attempt.items() if key != "position"} for attempt in attempts]
