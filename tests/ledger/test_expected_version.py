"""A command says which version its caller saw: it goes to a run that stands there, or nowhere."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.presentation.documents import error_document

from ..effort import spread
from .desk import COMMANDS, AsyncRuns, Desk, overtaken_desk, run_for

commands = pytest.mark.parametrize("command", COMMANDS)


@pytest.fixture
def desk(store_url: str) -> Iterator[Desk]:
    desk = Desk(store_url)
    yield desk
    desk.ledger.close()


@commands
def test_a_run_that_has_moved_on_refuses_the_command_and_says_what_happened(desk: Desk, command: str) -> None:
    run = run_for(desk, command)
    desk.runs.set_metadata(run.id, {"seen": 1}, by="ann")
    before = desk.state()
    with pytest.raises(fl.RunMovedOn) as refused:
        COMMANDS[command].call(desk.runs, run.id, expected_version=run.version)
    error = refused.value
    assert isinstance(error, fl.ConcurrencyError)
    assert (error.run_id, error.expected, error.actual) == (run.id, run.version, run.version + 1)
    (event,) = error.events
    assert (event.version, event.type, event.by) == (run.version + 1, "run.metadata_set", "ann")
    assert event.at == list(desk.ledger.history.events(run.id))[-1].recorded_at
    assert "by ann" in str(error)
    assert desk.state() == before


@commands
def test_a_run_that_stands_there_takes_it(desk: Desk, command: str) -> None:
    run = run_for(desk, command)
    after = COMMANDS[command].call(desk.runs, run.id, expected_version=run.version)
    assert after.id != run.id if COMMANDS[command].repeats else after.version > run.version


@commands
def test_a_version_that_the_run_never_had_is_not_found(desk: Desk, command: str) -> None:
    run = run_for(desk, command)
    before = desk.state()
    with pytest.raises(fl.VersionNotFound) as refused:
        COMMANDS[command].call(desk.runs, run.id, expected_version=run.version + 1)
    assert (refused.value.asked, refused.value.head) == (run.version + 1, run.version)
    assert desk.state() == before


@pytest.mark.parametrize("wrong", [True, "3", 1.0, -1, 0])
@commands
def test_what_is_no_version_is_refused_by_name(memory_only: Desk, command: str, wrong: Any) -> None:
    run = run_for(memory_only, command)
    before = memory_only.state()
    with pytest.raises(fl.InvalidRequest, match="expected_version"):
        COMMANDS[command].call(memory_only.runs, run.id, expected_version=wrong)
    assert memory_only.state() == before


@pytest.fixture
def memory_only() -> Iterator[Desk]:
    desk = Desk("memory:")
    yield desk
    desk.ledger.close()


async def test_tasks_say_it_too(memory_only: Desk) -> None:
    for command, given in COMMANDS.items():
        run = run_for(memory_only, command)
        memory_only.runs.set_metadata(run.id, {"seen": 1}, by="ann")
        with pytest.raises(fl.RunMovedOn):
            await given.call(AsyncRuns(memory_only.runs), run.id, expected_version=run.version)  # type: ignore[misc]


# --- somebody is faster in the last moment ----------------------------------------------------------------------------


@pytest.mark.parametrize("command", [name for name, given in COMMANDS.items() if not given.repeats])
def test_nobody_slips_in_between_the_decision_and_the_append(command: str) -> None:
    desk, store = overtaken_desk()
    run = run_for(desk, command)
    store.before_append = lambda: desk.runs.set_metadata(run.id, {"late": 1}, by="eve")
    with pytest.raises(fl.RunMovedOn) as refused:
        COMMANDS[command].call(desk.runs, run.id, expected_version=run.version)
    assert [event.by for event in refused.value.events] == ["eve"]
    assert desk.runs.get(run.id).version == run.version + 1


@pytest.mark.parametrize("command", [name for name, given in COMMANDS.items() if not given.repeats])
def test_without_a_version_an_operator_is_not_refused_for_a_note(command: str) -> None:
    desk, store = overtaken_desk()
    run = run_for(desk, command)
    store.before_append = lambda: desk.runs.set_metadata(run.id, {"late": 1}, by="eve")
    if command == "proceed":
        with pytest.raises(fl.ConcurrencyError):
            COMMANDS[command].call(desk.runs, run.id)
    else:
        COMMANDS[command].call(desk.runs, run.id)
        assert desk.runs.get(run.id).version > run.version + 1


def test_a_fork_of_the_version_that_the_caller_saw_is_of_that_one_whatever_comes_behind_it() -> None:
    desk, store = overtaken_desk()
    run = desk.runs.start("ask", by="shop")
    store.behind_head = lambda: desk.runs.set_metadata(run.id, {"late": 1}, by="eve")
    fork = desk.runs.fork(run.id, expected_version=run.version)
    assert desk.runs.get(run.id).version == run.version + 1
    assert fork.origin == fl.RunOrigin("fork", run.id, run.version)
    assert "late" not in fork.snapshot.metadata


# --- reruns of what isn't a run ---------------------------------------------------------------------------------------


def test_by_a_work_order_it_is_the_version_of_its_last_run(memory_only: Desk) -> None:
    failed = memory_only.runs.start("fail", by="shop")
    with pytest.raises(fl.VersionNotFound):
        memory_only.runs.retry(failed.work_order_id, expected_version=failed.version + 1)
    retried = memory_only.runs.retry(failed.work_order_id, expected_version=failed.version)
    assert retried.origin == fl.RunOrigin("retry", failed.id, 0)


def test_a_rejected_work_order_has_no_version_to_expect() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("typed", input={"required": ["n"]})(lambda step: step.data)
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "typed"}]}, workflow_id="w")
        with pytest.raises(fl.WorkOrderRejected) as rejected:
            ledger.runs.start("w")
        with pytest.raises(fl.InvalidRequest, match="has no run that could have a version"):
            ledger.runs.retry(rejected.value.work_order_id, expected_version=1)


def test_a_preview_is_of_what_the_caller_saw(memory_only: Desk) -> None:
    failed = memory_only.runs.start("fail", by="shop")
    memory_only.runs.set_metadata(failed.id, {"seen": 1}, by="ann")
    with pytest.raises(fl.RunMovedOn):
        memory_only.runs.retry(failed.id, preview=True, expected_version=failed.version)


# --- what the error says ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("events", spread([6, 200, 1_000], by_default=[6, 200]))
def test_all_that_happened_is_there_and_the_message_stays_short(memory_only: Desk, events: int) -> None:
    run = memory_only.runs.start("ask", by="shop")
    for number in range(events):
        memory_only.runs.set_metadata(run.id, {"n": number}, by=f"ann {number}")
    with pytest.raises(fl.RunMovedOn) as refused:
        memory_only.runs.hold(run.id, expected_version=run.version)
    assert [event.by for event in refused.value.events] == [f"ann {number}" for number in range(events)]
    assert len(str(refused.value)) < 700
    last = f"{run.version + events} run.metadata_set by ann {events - 1} at "
    assert f"; {events - 4:,} more; {last}" in str(refused.value)


def test_its_document_has_what_happened(memory_only: Desk) -> None:
    run = memory_only.runs.start("ask", by="shop")
    memory_only.runs.set_metadata(run.id, {"n": 1}, by="ann")
    with pytest.raises(fl.RunMovedOn) as refused:
        memory_only.runs.hold(run.id, expected_version=run.version)
    document = json.loads(json.dumps(error_document(refused.value, str(refused.value))))["error"]
    assert (document["type"], document["expected"], document["actual"]) == ("RunMovedOn", run.version, run.version + 1)
    (event,) = document["events"]
    assert (event["type"], event["by"]) == ("run.metadata_set", "ann")
