"""Runs of subjects, and places where what they recorded could be left."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

import flowledger as fl

WORD = "".join(("Quitten", "gelee"))
"""What is recorded of a subject. It stands in no file in one piece, as the source of executors is stored, too."""


class Absent(fl.KeyRing):
    """A key management service that may be away."""

    def __init__(self, ring: fl.KeyRing) -> None:
        self.ring = ring
        self.is_away = False

    def wrap(self, key: bytes, context: str) -> bytes:
        self._answer()
        return self.ring.wrap(key, context)

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        self._answer()
        return self.ring.unwrap(wrapped, context)

    def _answer(self) -> None:
        if self.is_away:
            raise ConnectionError("no route to the vault")


def executors() -> fl.ExecutorRegistry:
    registry = fl.ExecutorRegistry()

    @registry.register("echo")
    def echo(step: fl.StepContext) -> Any:
        step.log.info("seen: %s", step.payload)
        return {"echo": [step.data, step.payload]}

    @registry.register("fail")
    def fail(step: fl.StepContext) -> Any:
        raise ValueError(f"no use for {step.payload}")

    @registry.register("ask")
    def ask(step: fl.StepContext) -> Any:
        if step.answer is not None:
            return {"answered": step.answer.payload}
        return fl.Pause(reason=f"what of {step.payload}?")

    return registry


REGISTRY = executors()
"""What other processes import."""


def line(*types: str) -> fl.WorkflowDefinition:
    nodes = [{"id": f"n{place}", "type": type, "data": {"of": "{{ payload }}"}} for place, type in enumerate(types)]
    edges = [{"source": f"n{place}", "target": f"n{place + 1}"} for place in range(len(types) - 1)]
    return fl.WorkflowDefinition.model_validate({"nodes": nodes, "edges": edges})


WORKFLOWS = {"echoes": line("echo", "echo"), "failures": line("fail"), "questions": line("ask", "echo")}


def open_with(url: str, ring: fl.KeyRing | None, registry: fl.ExecutorRegistry | None = None) -> fl.Ledger:
    ledger = fl.open_ledger(url, registry or executors(), keys=ring)
    for workflow_id, definition in WORKFLOWS.items():
        ledger.workflows.save(definition, workflow_id=workflow_id, by="ada")
    return ledger


def start(ledger: fl.Ledger, workflow_id: str = "echoes", subject: Any = "customer:42", **options: Any) -> fl.Run:
    return ledger.runs.start(workflow_id, payload={"name": WORD}, subject=subject, by="ops", **options)


def shown(ledger: fl.Ledger, run_id: str) -> str:
    """All that there is to see of a run."""
    seen: list[object] = [ledger.history.snapshot(run_id).to_json(), ledger.runs.get(run_id)]
    seen += [event.data for event in ledger.history.events(run_id)]
    seen += [ledger.history.audit(run_id), ledger.history.workflow_of(run_id).input]
    return repr(seen)


def files_with(word: str, folder: Path) -> list[Path]:
    """The files below a folder in which the word stands."""
    return [file for file in folder.rglob("*") if file.is_file() and word.encode() in file.read_bytes()]


def server_files_with(word: bytes, url: str) -> Iterator[str]:
    """The files of a PostgreSQL server, of this database and its log, in which the word stands."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        ((folder, number),) = connection.execute(
            "SELECT current_setting('data_directory'), oid FROM pg_database WHERE datname = current_database()"
        ).fetchall()
    for part in (f"base/{number}", "pg_wal", "base/pgsql_tmp"):
        for file in Path(folder, part).rglob("*"):
            with suppress(FileNotFoundError):
                if file.is_file() and word in file.read_bytes():
                    yield str(file)
