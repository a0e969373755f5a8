"""An import takes no run that asks again, or begins with an answer, where nobody had asked; nor a schema that hangs."""

from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .forging import Event, forged

ANSWER = {"wait": "019c0000-0000-7000-8000-000000000000:2", "by": "cfo", "at": 1_700_000_000_000_000}


def executors() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()

    @executors.register("ask")
    def ask(step: fl.StepContext) -> Any:
        question = fl.Pause("approve?", answer={"type": "object"})
        return question if step.answer is None else step.answer.payload

    executors.register("work")(lambda step: 1)
    return executors


def exported(folder: Path, kind: str) -> bytes:
    """The export of a run of this kind, whose source never came to its question."""
    with fl.open_ledger("memory:", executors()) as ledger:
        nodes = [{"id": "w", "type": "work"}, {"id": "a", "type": "ask"}]
        definition = {"nodes": nodes, "edges": [{"source": "w", "target": "a"}]}
        ledger.workflows.save(definition, workflow_id="w", by="ada")
        run = ledger.runs.start("w", by="shop")
        if kind == "retry":
            ledger.runs.cancel(run.id, by="ops")
            run = ledger.runs.retry(run.id, by="ada")
        elif kind == "fork":
            run = ledger.runs.fork(run.id, version=1, by="ada")
        ledger.history.export(run.id, folder / "run.jsonl")
    return (folder / "run.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("first", {"asks_again": True}, "only a fork of what had asked"),
        ("retry", {"asks_again": True}, "only a fork of what had asked"),
        ("fork", {"asks_again": True}, "only a fork of what had asked"),
        ("first", {"given_answer": ANSWER}, "only a retry that begins at a node"),
        ("retry", {"given_answer": ANSWER}, "only a retry that begins at a node"),
        ("fork", {"given_answer": ANSWER}, "only a retry that begins at a node"),
    ],
)
def test_an_answer_or_a_question_that_was_not_there_is_refused(
    tmp_path: Path, kind: str, change: dict[str, Any], message: str
) -> None:
    content = exported(tmp_path, kind)

    def forge(events: list[Event]) -> None:
        [event["data"] for event in events if event["type"] == "run.started"][-1].update(change)

    (tmp_path / "forged.jsonl").write_bytes(forged(content, forge))
    with fl.open_ledger("memory:") as ledger:
        with pytest.raises(fl.InvalidExport, match=message):
            ledger.history.import_(tmp_path / "forged.jsonl")
        assert ledger.verify().events == 0


HOSTILE: dict[str, dict[str, Any]] = {
    "no schema": {"type": "approval"},
    "elsewhere": {"$ref": "file:///etc/passwd"},
    "too many patterns": {"allOf": [{"pattern": f"[\\w\\s]{{1,{2_900 + number}}}"} for number in range(200)]},
    "doubling": {
        "$ref": "#/$defs/d0",
        "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)} | {"d60": {}},
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_schema_of_a_stranger_fails_nothing_but_the_answer_to_it(tmp_path: Path, name: str) -> None:
    content = exported(tmp_path, "first")

    def forge(events: list[Event]) -> None:
        [event["data"] for event in events if event["type"] == "run.paused"][-1]["answer"] = HOSTILE[name]

    (tmp_path / "forged.jsonl").write_bytes(forged(content, forge))
    with fl.open_ledger("memory:", executors()) as ledger:
        ledger.history.import_(tmp_path / "forged.jsonl")
        (wait,) = ledger.history.waits()
        assert wait.answer == HOSTILE[name]
        with pytest.raises((fl.IllegalTransition, fl.InvalidAnswer)):
            ledger.runs.resume(wait.run_id, payload={"approved": True}, by="bob")
        run = ledger.runs.get(wait.run_id)
        assert (run.status, run.version) == ("paused", wait.version)
        assert ledger.runs.cancel(run.id, by="bob").status == "cancelled"
