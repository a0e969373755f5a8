"""What is appended inside a caller's transaction is committed with it, or rolled back with it, on every connection."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

import flowledger as fl

from .callers import Caller, Calls
from .conftest import definition

pytestmark = pytest.mark.sampled(5)


class Undone(Exception):
    """The caller takes back what it did."""


def is_stored(ledger: fl.Ledger, run_id: str) -> bool:
    try:
        ledger.runs.get(run_id)
    except fl.RunNotFound:
        return False
    return True


@pytest.mark.sampled(1)
def test_a_run_and_the_callers_row_are_committed_together(
    ledger: fl.Ledger, caller: Caller, rows: Callable[[], set[str]]
) -> None:
    run = caller.within(ledger).runs.start("order", {"n": 1}, wait=False)
    caller.write(run.id)
    assert caller.within(ledger).runs.get(run.id) == replace(run, created=False)
    assert not is_stored(ledger, run.id)
    assert run.id not in rows()
    caller.commit()
    assert run.id in rows()
    assert ledger.runs.proceed(run.id).status == "completed"
    assert ledger.verify().ok


def test_neither_is_stored_after_a_rollback(ledger: fl.Ledger, caller: Caller, rows: Callable[[], set[str]]) -> None:
    run = caller.within(ledger).runs.start("order", wait=False, idempotency_key=caller.key)
    caller.write(run.id)
    caller.rollback()
    assert not is_stored(ledger, run.id)
    assert run.id not in rows()
    again = ledger.runs.start("order", wait=False, idempotency_key=caller.key)
    assert again.created
    assert again.id != run.id


def test_a_savepoint_takes_back_what_was_appended_behind_it(ledger: fl.Ledger, caller: Caller) -> None:
    inside = caller.within(ledger).runs
    kept = inside.start("order", wait=False)
    with suppress(Undone), caller.savepoint():
        inside.set_metadata(kept.id, {"note": "taken back"})
        taken_back = inside.start("order", wait=False)
        raise Undone
    inside.set_metadata(kept.id, {"note": "kept"})
    last = inside.start("order", wait=False)
    caller.commit()
    assert [event.data.get("metadata") for event in ledger.history.events(kept.id)] == [None, {"note": "kept"}]
    assert not is_stored(ledger, taken_back.id)
    assert is_stored(ledger, last.id)
    assert ledger.verify().ok


def test_commands_on_one_run_follow_each_other(ledger: fl.Ledger, caller: Caller) -> None:
    inside = caller.within(ledger).runs
    run = inside.start("order", wait=False)
    inside.hold(run.id, by="clerk")
    inside.release(run.id, by="clerk")
    assert inside.cancel(run.id, by="clerk", expected_version=3).version == 4
    with pytest.raises(fl.RunMovedOn):
        inside.hold(run.id, expected_version=3)
    caller.write(run.id)
    caller.commit()
    assert [event.type for event in ledger.history.events(run.id)] == [
        "run.started",
        "run.held",
        "run.released",
        "run.cancelled",
    ]
    assert [summary.status for summary in ledger.history.runs().items if summary.id == run.id] == ["cancelled"]


def test_a_refused_call_leaves_the_transaction_usable(
    ledger: fl.Ledger, caller: Caller, rows: Callable[[], set[str]]
) -> None:
    inside = caller.within(ledger).runs
    known = ledger.runs.start("order", 1, wait=False, idempotency_key=caller.key)
    assert inside.start("order", 1, wait=False, idempotency_key=caller.key).id == known.id
    with pytest.raises(fl.IdempotencyConflict):
        inside.start("order", 2, wait=False, idempotency_key=caller.key)
    with pytest.raises(fl.RunNotFound):
        inside.cancel("nobody")
    run = inside.start("order", wait=False)
    caller.write(run.id)
    caller.commit()
    assert run.id in rows()
    assert is_stored(ledger, run.id)


def test_nothing_is_executed_inside(ledger: fl.Ledger, caller: Caller) -> None:
    ended = ledger.runs.start("order")
    inside = caller.within(ledger).runs
    with pytest.raises(fl.InvalidRequest, match="wait=False"):
        inside.start("order", idempotency_key=caller.key)
    with pytest.raises(fl.InvalidRequest, match="wait=False"):
        inside.reproduce(ended.id)
    with pytest.raises(fl.InvalidRequest, match="before its commit"):
        inside.wait_for(ended.id)
    assert inside.reproduce(ended.id, wait=False).origin.run_id == ended.id
    caller.commit()
    assert ledger.runs.start("order", idempotency_key=caller.key).created


def test_an_answer_is_queued_inside(ledger: fl.Ledger, caller: Caller) -> None:
    run = ledger.runs.start("approval")
    answered = caller.within(ledger).runs.resume(run.id, {"approved": True}, by="cfo", wait=run.waits[0].id)
    assert answered.status == "active"
    assert caller.within(ledger).runs.proceed(run.id).version == answered.version
    assert ledger.runs.get(run.id).status == "paused"
    caller.commit()
    assert [wait.run_id for wait in ledger.history.waits(workflow_id="approval").items if wait.run_id == run.id] == []
    ended = ledger.runs.proceed(run.id)
    assert ended.status == "completed"
    assert ended.snapshot.context["ask0"][-1].output == {"approved": True}


def test_a_workflow_is_saved_and_started_inside(ledger: fl.Ledger, caller: Caller, kind: str) -> None:
    id = f"made by {kind}"
    inside = caller.within(ledger)
    inside.workflows.save(definition("echo", "echo"), workflow_id=id)
    run = inside.runs.start(id, wait=False)
    caller.rollback()
    with pytest.raises(fl.WorkflowNotFound):
        ledger.workflows.get(id)
    inside.workflows.save(definition("echo"), workflow_id=id)
    assert inside.workflows.get(id).version == 1
    run = inside.runs.start(id, 3, wait=False)
    caller.commit()
    assert [node["id"] for node in ledger.workflows.get(id).definition.to_data()["nodes"]] == ["echo0"]
    assert ledger.runs.proceed(run.id).status == "completed"


def test_what_is_over_takes_nothing(ledger: fl.Ledger, caller: Caller) -> None:
    with ledger.within(caller.connection) as inside:
        pass
    with pytest.raises(fl.InvalidRequest, match="is over"):
        Calls(caller, inside).runs.start("order", wait=False)
