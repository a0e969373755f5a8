"""A ledger with a history that has everything in it that an export must take along."""

from pathlib import Path
from typing import Any

import flowledger as fl
from flowledger.infrastructure.storage.recorder import EventRow

from ..storage.index import index_of

WORKFLOW = {
    "nodes": [
        {"id": "fetch", "type": "do", "data": {"auth": "{{ globals.token }}"}},
        {"id": "check", "type": "do"},
        {"id": "send", "type": "do"},
    ],
    "edges": [{"source": "fetch", "target": "check"}, {"source": "check", "target": "send"}],
}
SECRET = "tr0ub4dor-&-3"


def executors() -> fl.ExecutorRegistry:
    registry = fl.ExecutorRegistry()

    @registry.register("do")
    def do(step: fl.StepContext) -> Any:
        step.log.info("at %s", step.node.id)
        if step.node.id == "check":
            return step.payload or fl.Pause("a person must look")
        if step.node.id == "send" and step.payload != "now":
            raise fl.NonRetryable("the mail server is away")
        return {"é": [1.5, None, -0.0, 1e300], "node": step.node.id}

    return registry


class Story:
    """One work order: ``first`` failed at its last node, ``repeated`` is a reproduction of it, ``retried`` a retry from
    that node. Beside it a run that nothing refers to, and a version of the workflow that no run used."""

    def __init__(self, url: str) -> None:
        self.ledger = fl.open_ledger(url, executors())
        workflows, runs = self.ledger.workflows, self.ledger.runs
        workflows.save(WORKFLOW, workflow_id="mail", by="ada", message="first draft")
        self.stranger = runs.start("mail", by="eve", globals={"token": "x"}).id
        workflows.save(WORKFLOW | {"start": "fetch"}, workflow_id="mail", by="ada", name="Mail")
        self.first = runs.start("mail", payload={"to": "bob"}, by="webhook", globals={"token": SECRET}).id
        runs.resume(self.first, payload="go", by="bob")
        runs.set_metadata(self.first, {"ticket": 7}, by="ops")
        self.order = runs.get(self.first).work_order_id
        self.repeated = runs.reproduce(self.first, by="bob", globals={"token": SECRET}).id
        runs.cancel(self.repeated, by="bob", reason="seen enough")
        self.retried = runs.retry(self.first, "send", by="bob").id
        workflows.save(WORKFLOW | {"edges": []} | {"start": "send"}, workflow_id="mail", by="ada")

    def export(self, path: Path, run_id: str | None = None) -> Path:
        self.ledger.history.export(run_id or self.retried, path)
        return path


def stored(ledger: fl.Ledger) -> dict[str, list[EventRow]]:
    """What lies in storage, by stream; positions are left out, as they are each store's own."""
    streams: dict[str, list[EventRow]] = {}
    for row in ledger._store.all_rows():
        streams.setdefault(row.stream, []).append(row._replace(position=0))
    return streams


def answers(ledger: fl.Ledger, run_id: str) -> list[Any]:
    """What a ledger says of a run."""
    history, run = ledger.history, ledger.runs.get(run_id)
    audit = history.audit(run_id).to_data()
    return [
        run,
        list(history.snapshots(run_id)),
        [(event.digest, event.data) for event in history.events(run_id)],
        history.workflow_of(run_id).input,
        history.reused(run_id),
        ledger.runs.work_order(run.work_order_id),
        {key: audit[key] for key in ("workOrder", "workflow", "code", "input", "pauses")},
        [row for row in history.runs() if row.id == run_id],
        [act.summary for act in history.trail(stream=run_id)],
        [found.id for found in history.runs(text=run_id)],
    ]


def index_is_that_of_a_rebuild(ledger: fl.Ledger) -> None:
    before = index_of(ledger._store)
    ledger.rebuild()
    assert index_of(ledger._store) == before
