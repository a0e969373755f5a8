"""What a stranger's file says of other streams, of times and of itself is compared with what it may say."""

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.workflow import snapshot_ids
from flowledger.domain.workflow.definition import WorkflowDefinition
from flowledger.infrastructure.new_id import new_id
from flowledger.testing import ManualClock

from ..storage.index import index_of
from ..verification.stories import LINE, executors
from .forging import Event, forged, renumbered
from .story import stored

CLOCK = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Of a run that was reproduced and forked: save, start, order, steps of each."""
    path = tmp_path_factory.mktemp("strangers") / "real.jsonl"
    with fl.open_ledger("memory:", executors, CLOCK) as ledger:
        ledger.workflows.save(LINE, workflow_id="w", by="ada")
        run = ledger.runs.start("w", payload={"do": "work"}, by="bob", idempotency_key="once")
        ledger.runs.reproduce(run.id, by="eve", idempotency_key="branch 1")
        fork = ledger.runs.fork(run.id, version=2, by="eve", idempotency_key="branch 2")
        ledger.runs.set_metadata(fork.id, {"ticket": 1}, by="eve", idempotency_key="note 1")
        ledger.runs.set_metadata(fork.id, {"ticket": 2}, by="eve", idempotency_key="note 2")
        ledger.history.export(fork.id, path)
    return path.read_bytes()


@pytest.fixture
def ledger() -> Iterator[fl.Ledger]:
    """A store with a workflow of its own, at the time of the export."""
    with fl.open_ledger("memory:", executors, CLOCK) as ledger:
        ledger.workflows.save({"nodes": [{"id": "mine", "type": "loop"}]}, workflow_id="mine", by="me")
        yield ledger


Change = Callable[[list[Event]], Any]


def first(type: str, number: int = 0) -> Callable[[list[Event]], Event]:
    return lambda events: [event for event in events if event["type"] == type][number]


def said(type: str, number: int = 0, **data: Any) -> Change:
    return lambda events: first(type, number)(events)["data"].update(data)


def saved_again(events: list[Event], **changes: Any) -> None:
    """The workflow is saved once more, as a store would do it."""
    event = copy.deepcopy(events[0])
    definition = {**LINE, "start": "a"}
    digest = WorkflowDefinition.model_validate(definition).digest
    event |= {"type": "workflow.saved", "id": "0" * 16}
    event["data"] |= {"definition": definition, "digest": digest, "snapshot_id": next(snapshot_ids("w", 2, digest))}
    event["data"] |= changes
    events.append(event)
    renumbered(events)


def with_stranger(events: list[Event]) -> None:
    """Another run of another work order, which is sound."""
    run, order = new_id(1), new_id(2)
    for event in copy.deepcopy(events[1:3]):
        event["stream"] = run if event["type"] == "run.started" else order
        event["data"] |= {"correlation_id": order}
        event["data"] |= {"run_id": run} if event["type"] == "work_order.opened" else {}
        for key in ("key", "payload_digest"):
            event["data"].pop(key, None)
        events.append(event)


def without(type: str, number: int) -> Change:
    def change(events: list[Event]) -> None:
        events.remove(first(type, number)(events))
        renumbered(events)

    return change


def without_key(type: str, *names: str) -> Change:
    return lambda events: [first(type)(events)["data"].pop(name) for name in names]


ORIGIN = {"kind": "fork", "run_id": "x", "version": 1}

REFUSED: dict[str, tuple[Change, str]] = {
    "a key twice on a run": (said("run.metadata_set", 1, key="note 1"), "used before on this run"),
    "a key twice on a work order": (said("work_order.run_added", 1, key="branch 1"), "used before for what"),
    "a key of another run": (said("work_order.run_added", 1, key_of=new_id(7)), "no run that the work order has"),
    "a key of what is no run": (said("work_order.run_added", 1, key_of="me"), "is not the id of a run"),
    "a key without its command": (without_key("run.metadata_set", "request"), "come together"),
    "a command without its key": (without_key("run.metadata_set", "key"), "come together"),
    "a key that is too long": (said("run.metadata_set", key="k" * 1_025), "has 1 to 1,024 characters"),
    "an empty key": (said("run.metadata_set", key=""), "has 1 to 1,024 characters"),
    "a key that steers a terminal": (said("run.metadata_set", key="k\x1b[2J"), "control characters"),
    "a command that is no digest": (said("run.metadata_set", request="me"), "not the digest of a command"),
    "a save of another workflow": (said("workflow.created", workflow_id="mine"), "is not the workflow of stream"),
    "a run of another work order": (said("run.started", correlation_id=new_id(5)), "work order"),
    "an event of another work order": (said("run.step_completed", correlation_id=new_id(5)), "belongs to work order"),
    "a work order of another one": (said("work_order.opened", correlation_id=new_id(5)), "is not the work order"),
    "a work order of another workflow": (said("work_order.opened", workflow_id="mine"), "idempotency key"),
    "another key": (said("work_order.opened", key="twice"), "doesn't stand for this work order"),
    "another payload than the key stands for": (said("run.started", payload={"do": "pause"}), "another payload"),
    "a retry for a reproduction": (said("work_order.run_added", kind="retry"), "as what it is"),
    "a fork for a reproduction": (said("run.started", 1, origin=ORIGIN), "begins with run 'x'"),
    "a version that isn't there": (said("run.started", workflow_version=2), "version 2 of workflow 'w' is not"),
    "another definition": (said("run.started", definition_digest="0" * 64), "version 1 of workflow 'w' is not"),
    "a digest of something else": (said("workflow.created", digest="0" * 64), "not that of the definition"),
    "a definition that is none": (said("workflow.created", definition={"nodes": []}), "there is none"),
    "a snapshot id of its own": (said("workflow.created", snapshot_id="abcdefg"), "doesn't stand for this save"),
    "code of something else": (
        said("workflow.created", code={"work": {"name": "x", "digest": "0" * 64, "source": "1"}}),
        "digest is not that",
    ),
    "an outcome that a first run took": (
        said("run.step_completed", recorded={"run_id": new_id(5), "version": 2}),
        "only a reproduction or a fork takes outcomes",
    ),
    "an outcome of a run that isn't there": (
        said("run.step_completed", 2, recorded={"run_id": new_id(5), "version": 2}),
        "is missing",
    ),
    "an outcome of what is no run": (said("run.step_completed", 2, recorded={"run_id": "x"}), "not the id of a run"),
    "nobody": (said("run.started", by=""), "an actor"),
    "a save that no run needs": (saved_again, "goes on behind version 1"),
    "a run that it doesn't need": (with_stranger, "doesn't need stream"),
    "a work order that names no run in it": (without("run.started", 1), "run"),
    "a time before 1970": (said("work_order.run_added", recorded_at=-1), "before the event before it"),
    "a status of its own": (
        lambda events: first("run.started")(events)["data"]["after"].update(status="paused"),
        "the run stands at",
    ),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=list(REFUSED))
def test_what_nobody_recorded_is_refused_and_leaves_no_trace(
    export: bytes, ledger: fl.Ledger, file: Path, change: Change, message: str
) -> None:
    before = stored(ledger), index_of(ledger._store)
    file.write_bytes(forged(export, change))
    with pytest.raises(fl.InvalidExport, match=message):
        ledger.history.import_(file, continue_existing=True)
    assert (stored(ledger), index_of(ledger._store)) == before


def test_the_file_itself_is_taken_in(export: bytes, ledger: fl.Ledger, file: Path) -> None:
    file.write_bytes(export)
    assert ledger.history.import_(file).added == len(export.splitlines()) - 2
    assert ledger.verify(deep=True).ok


@pytest.mark.parametrize(("minutes", "taken"), [(-4, True), (-5, True), (-6, False), (600, True)])
def test_times_may_be_ahead_of_the_clock_by_five_minutes(export: bytes, file: Path, minutes: int, taken: bool) -> None:
    file.write_bytes(export)
    clock = ManualClock(CLOCK.now + timedelta(minutes=minutes))
    with fl.open_ledger("memory:", executors, clock) as ledger:
        if taken:
            assert ledger.history.import_(file).added
        else:
            with pytest.raises(fl.InvalidExport, match="ahead of the clock here"):
                ledger.history.import_(file)


@pytest.mark.parametrize("levels", [199, 200, 201, 1_000])
def test_a_value_is_as_deep_as_a_write_takes_it(export: bytes, ledger: fl.Ledger, file: Path, levels: int) -> None:
    def change(events: list[Event]) -> None:
        value: Any = 1
        for _ in range(min(levels, 240)):
            value = [value]
        first("run.metadata_set")(events)["data"]["metadata"] = {"deep": value}

    with fl.open_ledger("memory:", executors, CLOCK) as source:
        source.workflows.save(LINE, workflow_id="w", by="ada")
        run = source.runs.start("w", payload={"do": "work"}, by="bob")
        source.runs.set_metadata(run.id, {"deep": 1})
        source.history.export(run.id, file)
    file.write_bytes(forged(file.read_bytes(), change))
    if levels < 200:
        assert ledger.history.import_(file).added
    else:
        with pytest.raises(fl.InvalidExport, match="nested deeper than 200 levels"):
            ledger.history.import_(file)


def test_a_snapshot_id_that_stands_for_another_save_is_not_taken(
    export: bytes, ledger: fl.Ledger, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(export)
    taken = ledger.workflows.get("mine").snapshot_id
    monkeypatch.setattr(
        "flowledger.infrastructure.transfer.stream_validators.snapshot_ids", lambda *_: iter([taken] * 100)
    )
    file.write_bytes(forged(export, said("workflow.created", snapshot_id=taken)))
    with pytest.raises(fl.InvalidExport, match=f"{taken!r} stands for another save already"):
        ledger.history.import_(file)
