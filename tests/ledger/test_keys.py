"""A command that comes again with its key is answered from the log: nothing is executed, nothing is written."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest

import flowledger as fl
from flowledger.testing import Crash, Faults

from .desk import COMMANDS, AsyncRuns, Desk, overtaken_desk, run_for

commands = pytest.mark.parametrize("command", COMMANDS)
repeating = pytest.mark.parametrize("command", [name for name, given in COMMANDS.items() if given.repeats])
steering = pytest.mark.parametrize("command", [name for name, given in COMMANDS.items() if not given.repeats])


@pytest.fixture
def desk(store_url: str) -> Iterator[Desk]:
    desk = Desk(store_url)
    yield desk
    desk.ledger.close()


@pytest.fixture
def memory_only() -> Iterator[Desk]:
    desk = Desk("memory:")
    yield desk
    desk.ledger.close()


@commands
def test_the_same_command_again_gives_the_run_as_it_stands_also_elsewhere(desk: Desk, command: str) -> None:
    given = COMMANDS[command]
    run = run_for(desk, command)
    first = given.call(desk.runs, run.id, idempotency_key="delivery 1")
    desk.runs.set_metadata(first.id, {"since": 1}, by="ann")
    before = desk.state()
    other = desk.other()
    with nullcontext() if other is desk.ledger else other:
        again = given.call(other.runs, run.id, idempotency_key="delivery 1", expected_version=run.version)
        assert (again.id, again.version) == (first.id, first.version + 1)
        assert (first.created, again.created) == (True, not given.repeats)
        if given.differently is not None:
            with pytest.raises(fl.IdempotencyConflict) as refused:
                given.differently(other.runs, run.id, idempotency_key="delivery 1")
            assert (refused.value.key, refused.value.used_by, refused.value.run_id) == ("delivery 1", "bob", run.id)
    assert desk.state() == before


@commands
def test_a_crash_between_the_append_and_the_answer_is_no_reason_to_do_it_twice(store_url: str, command: str) -> None:
    desk = Desk(store_url)
    run = run_for(desk, command)
    faults = Faults(desk.ledger)
    faults.next("crash after commit")
    with pytest.raises(Crash):
        COMMANDS[command].call(desk.runs, run.id, idempotency_key="k")
    before = desk.state()
    again = COMMANDS[command].call(desk.runs, run.id, idempotency_key="k")
    assert desk.state() == before
    assert (again.id != run.id) == COMMANDS[command].repeats
    desk.ledger.close()


@commands
def test_a_crash_before_the_append_leaves_the_key_to_be_used(memory_only: Desk, command: str) -> None:
    run = run_for(memory_only, command)
    events = memory_only.state()[0]
    Faults(memory_only.ledger).next("crash before commit")
    with pytest.raises(Crash):
        COMMANDS[command].call(memory_only.runs, run.id, idempotency_key="k")
    assert memory_only.state()[0] == events
    again = COMMANDS[command].call(memory_only.runs, run.id, idempotency_key="k")
    assert again.created
    assert memory_only.state()[0] > events


@commands
def test_of_two_deliveries_at_once_one_does_it_and_both_get_the_run(command: str) -> None:
    desk, store = overtaken_desk()
    run = run_for(desk, command)
    faster: list[fl.Run] = []
    store.before_append = lambda: faster.append(COMMANDS[command].call(desk.runs, run.id, idempotency_key="k"))
    slower = COMMANDS[command].call(desk.runs, run.id, idempotency_key="k")
    assert slower.id == faster[0].id
    keyed = [
        event
        for stream in {run.id, run.work_order_id}
        for event in desk.ledger.history.events(stream)
        if event.data.get("key") == "k"
    ]
    assert len(keyed) == 1


@commands
async def test_tasks_have_keys_too(memory_only: Desk, command: str) -> None:
    run = run_for(memory_only, command)
    runs: Any = AsyncRuns(memory_only.runs)
    first = await COMMANDS[command].call(runs, run.id, idempotency_key="k")  # type: ignore[misc]
    before = memory_only.state()
    again = await COMMANDS[command].call(runs, run.id, idempotency_key="k")  # type: ignore[misc]
    assert again.id == first.id
    assert memory_only.state() == before


# --- what a key belongs to --------------------------------------------------------------------------------------------


@commands
@pytest.mark.parametrize("second", COMMANDS)
def test_a_key_of_one_command_is_no_key_of_another_one(memory_only: Desk, command: str, second: str) -> None:
    """Also across the run and its work order, where retries, reproductions and forks are entered."""
    if command == second:
        return
    run = run_for(memory_only, command)
    COMMANDS[command].call(memory_only.runs, run.id, idempotency_key="k")
    before = memory_only.state()
    with pytest.raises(fl.IdempotencyConflict, match="was used for another command, by bob at"):
        COMMANDS[second].call(memory_only.runs, run.id, idempotency_key="k")
    assert memory_only.state() == before


@commands
def test_a_key_belongs_to_the_run_that_it_is_given_for(memory_only: Desk, command: str) -> None:
    first, second = run_for(memory_only, command), run_for(memory_only, command)
    for run in (first, second):
        events = memory_only.state()[0]
        assert COMMANDS[command].call(memory_only.runs, run.id, idempotency_key="k").created
        assert memory_only.state()[0] > events


def test_runs_of_one_work_order_have_keys_of_their_own(memory_only: Desk) -> None:
    first = memory_only.runs.start("fail", by="shop")
    second = memory_only.runs.retry(first.id, idempotency_key="k", by="bob")
    third = memory_only.runs.retry(second.id, idempotency_key="k", by="bob")
    assert len({first.id, second.id, third.id}) == 3
    assert memory_only.runs.retry(first.id, idempotency_key="k").id == second.id
    assert memory_only.runs.retry(second.id, idempotency_key="k").id == third.id


def test_a_fork_and_a_retry_begin_without_the_keys_of_their_source(memory_only: Desk) -> None:
    asked = memory_only.runs.start("ask", by="shop")
    memory_only.runs.set_metadata(asked.id, {"n": 1}, idempotency_key="k")
    fork = memory_only.runs.fork(asked.id)
    assert memory_only.runs.set_metadata(fork.id, {"n": 2}, idempotency_key="k").snapshot.metadata["n"] == 2
    failed = memory_only.runs.start("fail", by="shop")
    memory_only.runs.set_metadata(failed.id, {"n": 1}, idempotency_key="k")
    retried = memory_only.runs.retry(failed.id)
    assert memory_only.runs.set_metadata(retried.id, {"n": 2}, idempotency_key="k").snapshot.metadata["n"] == 2


def test_by_a_work_orders_id_the_key_is_the_work_orders(memory_only: Desk) -> None:
    failed = memory_only.runs.start("fail", by="shop")
    retried = memory_only.runs.retry(failed.work_order_id, idempotency_key="k", by="bob")
    again = memory_only.runs.retry(failed.work_order_id, idempotency_key="k", by="bob")
    assert (again.id, again.created) == (retried.id, False)
    assert len(memory_only.runs.work_order(failed.work_order_id).runs) == 2


def test_what_changes_nothing_of_what_was_asked_for_is_no_conflict(memory_only: Desk) -> None:
    asked = memory_only.runs.start("ask", by="shop")
    memory_only.runs.resume(asked.id, {"yes": 1, "n": [1.0]}, by="bob", idempotency_key="k", globals={"token": "a"})
    again = memory_only.runs.resume(
        asked.id, {"n": [1.0], "yes": 1}, by="eve", idempotency_key="k", globals={"token": "b"}, step_limit=3
    )
    assert again.status == "completed"


def test_a_hold_by_its_old_name_is_the_same_command(memory_only: Desk) -> None:
    asked = memory_only.runs.start("ask", by="shop")
    held = memory_only.runs.pause(asked.id, reason="audit", idempotency_key="k")
    assert memory_only.runs.hold(asked.id, reason="audit", idempotency_key="k") == held


def test_a_command_that_writes_nothing_keeps_no_key(memory_only: Desk) -> None:
    done = memory_only.runs.cancel(memory_only.runs.start("ask").id)
    assert memory_only.runs.proceed(done.id, idempotency_key="k") == done
    assert memory_only.runs.set_metadata(done.id, {"n": 1}, idempotency_key="k").version == done.version + 1


def test_a_key_is_known_when_the_run_has_moved_on_or_ended(memory_only: Desk) -> None:
    asked = memory_only.runs.start("ask", by="shop")
    held = memory_only.runs.hold(asked.id, by="bob", idempotency_key="k", expected_version=asked.version)
    memory_only.runs.release(asked.id, by="bob")
    done = memory_only.runs.cancel(asked.id, by="bob")
    again = memory_only.runs.hold(asked.id, by="bob", idempotency_key="k", expected_version=asked.version)
    assert (again.version, again.status) == (done.version, "cancelled")
    assert again.version > held.version


def test_a_refused_input_is_refused_again_by_its_key_and_written_once() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("typed", input={"required": ["n"]})(lambda step: step.data)
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "typed"}]}, workflow_id="w")
        with pytest.raises(fl.WorkOrderRejected) as rejected:
            ledger.runs.start("w")
        order = rejected.value.work_order_id
        with pytest.raises(fl.WorkOrderRejected):
            ledger.runs.retry(order, idempotency_key="k")
        events = ledger.verify().events
        with pytest.raises(fl.WorkOrderRejected) as again:
            ledger.runs.retry(order, idempotency_key="k")
        assert again.value.issues == rejected.value.issues
        assert ledger.verify().events == events
        executors.register("typed")
        ledger.workflows.save({"nodes": [{"id": "n", "type": "typed", "data": {"n": 1}}]}, workflow_id="w")
        done = ledger.runs.retry(order)
        assert ledger.runs.retry(order, idempotency_key="k").id == done.id, "what became of it since"


def test_start_says_whether_it_made_the_run(memory_only: Desk) -> None:
    first, again = (memory_only.runs.start("ask", idempotency_key="k") for _ in range(2))
    assert (first.created, again.created) == (True, False)
    assert first == again


@pytest.mark.parametrize("recoveries", [1])
def test_a_run_that_fails_as_it_was_recovered_too_often_keeps_the_key(recoveries: int) -> None:
    executors = fl.ExecutorRegistry()
    crash = [True]

    @executors.register("die", max_recoveries=recoveries)
    def die(step: fl.StepContext) -> Any:
        if crash[0]:
            raise KeyboardInterrupt
        return 1

    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "die"}]}, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
        for _ in range(recoveries + 1):
            with pytest.raises(KeyboardInterrupt):
                ledger.runs.proceed(run.id)
        failed = ledger.runs.proceed(run.id, idempotency_key="k")
        assert failed.status == "failed"
        assert ledger.runs.proceed(run.id, idempotency_key="k") == failed
        assert [event.data["key"] for event in ledger.history.events(run.id) if "key" in event.data] == ["k"]


# --- what is a key ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [7, "", "k" * 1_025, "k" * 10_000_000, "a\nb", "a\x00", "\u202e", "\ud800", b"k"],
    ids=lambda key: repr(key)[:12],
)
@commands
def test_what_is_no_key_is_refused_and_nothing_is_written(memory_only: Desk, command: str, key: Any) -> None:
    run = run_for(memory_only, command)
    before = memory_only.state()
    with pytest.raises(fl.InvalidRequest, match="key") as refused:
        COMMANDS[command].call(memory_only.runs, run.id, idempotency_key=key)
    assert len(str(refused.value)) < 1_000
    assert memory_only.state() == before


def test_the_longest_key_is_one(memory_only: Desk) -> None:
    run = memory_only.runs.start("ask")
    key = "é" * 1_024
    held = memory_only.runs.hold(run.id, idempotency_key=key)
    assert memory_only.runs.hold(run.id, idempotency_key=key) == held
    assert memory_only.ledger.history.header(run.id).held, "its header is read from the beginning of an event"


@pytest.mark.parametrize("wrong", [{"n": object()}, {"n": float("nan")}])
@pytest.mark.parametrize(
    "call",
    [
        lambda runs, run_id, wrong: runs.resume(run_id, wrong, idempotency_key="k"),
        lambda runs, run_id, wrong: runs.hold(run_id, reason=wrong, idempotency_key="k"),
        lambda runs, run_id, wrong: runs.set_metadata(run_id, wrong, idempotency_key="k"),
        lambda runs, run_id, wrong: runs.retry(run_id, wrong, idempotency_key="k"),
        lambda runs, run_id, wrong: runs.fork(run_id, wrong, idempotency_key="k"),
    ],
)
def test_a_key_makes_no_bad_argument_good(memory_only: Desk, call: Callable[..., Any], wrong: Any) -> None:
    run = memory_only.runs.start("ask")
    before = memory_only.state()
    with pytest.raises(fl.InvalidRequest):
        call(memory_only.runs, run.id, wrong)
    assert memory_only.state() == before


# --- the log has them -------------------------------------------------------------------------------------------------


@commands
def test_keys_hold_where_the_history_is_folded_from_checkpoints(command: str) -> None:
    desk = Desk("memory:", checkpoint_every=2)
    run = run_for(desk, command)
    COMMANDS[command].call(desk.runs, run.id, idempotency_key="k")
    for number in range(6):
        desk.runs.set_metadata(run.id, {"n": number}, idempotency_key=f"note {number}")
    before = desk.state()
    COMMANDS[command].call(desk.runs, run.id, idempotency_key="k")
    for number in range(6):
        desk.runs.set_metadata(run.id, {"n": number}, idempotency_key=f"note {number}")
    assert desk.state() == before


@commands
def test_keys_go_with_a_run_to_another_store(desk: Desk, command: str, tmp_path: Any) -> None:
    run = run_for(desk, command)
    first = COMMANDS[command].call(desk.runs, run.id, idempotency_key="k")
    file = tmp_path / "run.jsonl"
    desk.ledger.history.export(first.id, file)
    with fl.open_ledger("memory:", desk.executors) as elsewhere:
        elsewhere.history.import_(file)
        assert elsewhere.verify().ok
        events = elsewhere.verify().events
        again = COMMANDS[command].call(elsewhere.runs, run.id, idempotency_key="k")
        assert (again.id, again.version) == (first.id, first.version)
        assert elsewhere.verify().events == events
