"""What somebody does is recorded with the channel through which it was done; what follows from it isn't."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.events.channel import acting_through, current_channel

DEFINITION = {
    "nodes": [{"id": "begin", "type": "begin"}, {"id": "ask", "type": "ask"}],
    "edges": [{"source": "begin", "target": "ask"}],
}


@pytest.fixture
def ledger(store_url: str) -> Any:
    executors = fl.ExecutorRegistry()

    @executors.register("begin")
    def begin(step: fl.StepContext) -> Any:
        """Starts a run itself, where it is told to."""
        return step.payload and opened.runs.start("other", by="executor").id

    @executors.register("ask")
    def ask(step: fl.StepContext) -> Any:
        return "done" if step.answer is not None else fl.Pause(reason="well?")

    with fl.open_ledger(store_url, executors) as opened:
        yield opened


def channels(ledger: fl.Ledger, stream: str) -> list[tuple[str, str | None]]:
    return [(event.type, event.data.get("channel")) for event in ledger.history.events(stream)]


def test_acts_have_the_channel_and_steps_have_none(ledger: fl.Ledger) -> None:
    with acting_through("web"):
        ledger.workflows.save(DEFINITION, workflow_id="orders", by="ada")
        run = ledger.runs.start("orders", by="ada")
        ledger.runs.hold(run.id, by="ada")
    ledger.runs.release(run.id, by="ada")
    with acting_through("api"):
        ledger.runs.resume(run.id, payload=True, by="bob")
    assert channels(ledger, run.id) == [
        ("run.started", "web"),
        ("run.step_completed", None),
        ("run.paused", None),
        ("run.held", "web"),
        ("run.released", None),
        ("run.resumed", "api"),
        ("run.step_completed", None),
    ]
    assert [(act.type, act.channel) for act in ledger.history.trail(stream="workflow:orders")] == [
        ("workflow.created", "web")
    ]
    assert ledger.verify().ok


def test_what_an_executor_does_is_not_done_through_the_channel_of_its_run(ledger: fl.Ledger) -> None:
    for workflow_id in ("orders", "other"):
        ledger.workflows.save(DEFINITION, workflow_id=workflow_id)
    with acting_through("web"):
        run = ledger.runs.start("orders", payload=True)
        assert current_channel() == "web"
    child = ledger.history.snapshot(run.id).context["begin"][0].output
    assert channels(ledger, child)[0] == ("run.started", None)
    assert current_channel() is None


async def test_it_goes_along_with_tasks_and_threads(ledger: fl.Ledger) -> None:
    await ledger.workflows.asave(DEFINITION, workflow_id="orders")
    with acting_through("api"):
        run = await ledger.runs.astart("orders")
        await ledger.runs.aresume(run.id, payload=True)
    assert [found for found in channels(ledger, run.id) if found[1]] == [("run.started", "api"), ("run.resumed", "api")]


def test_an_exported_run_keeps_its_channels(ledger: fl.Ledger, tmp_path: Any) -> None:
    ledger.workflows.save(DEFINITION, workflow_id="orders")
    with acting_through("cli"):
        run = ledger.runs.start("orders")
    ledger.history.export(run.id, tmp_path / "run.jsonl")
    with fl.open_ledger("memory:") as elsewhere:
        elsewhere.history.import_(tmp_path / "run.jsonl")
        assert channels(elsewhere, run.id) == channels(ledger, run.id)


def test_acts_of_before_the_index_knew_channels_say_theirs_and_are_found_by_it_once_it_is_built_again(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    definition = {"nodes": [{"id": "a", "type": "work"}]}
    with fl.open_ledger(url, create=True) as ledger:
        with acting_through("web"):
            ledger.workflows.save(definition, workflow_id="through-web", by="ada")
        ledger.workflows.save(definition, workflow_id="through-python", by="ada")
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
        connection.execute("UPDATE flowledger_index_changes SET channel = NULL")  # as the migration leaves it
    with fl.open_ledger(url) as ledger:
        told = [(act.subject, act.channel) for act in ledger.history.trail()]
        assert told == [("through-python", None), ("through-web", "web")]
        assert list(ledger.history.trail(channel="web")) == []
        ledger.rebuild()
        assert [act.subject for act in ledger.history.trail(channel="web")] == ["through-web"]
        assert [(act.subject, act.channel) for act in ledger.history.trail()] == told
