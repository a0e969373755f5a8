"""``flowledger.testing`` itself: clock, ledger, sentences about decisions, faults."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger import testing
from flowledger.domain.run import hold, proceed, set_metadata
from flowledger.domain.work_order import add_run
from flowledger.domain.workflow import archive, restore
from flowledger.testing import Crash, Diverged, Faults, ManualClock, NewEvent, given, memory_ledger, replay_case

TWO = {"nodes": [{"id": "a", "type": "do"}, {"id": "b", "type": "do"}], "edges": [{"source": "a", "target": "b"}]}


def test_everything_public_is_there_and_has_a_docstring() -> None:
    assert [name for name in testing.__all__ if not getattr(testing, name).__doc__ and name != "FaultPoint"] == []
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        testing.Nonsense  # noqa: B018 - looking it up is the test


def test_only_the_suite_for_backends_needs_pytest() -> None:
    script = (
        "import sys; sys.modules['pytest'] = None\n"
        "from flowledger import testing\n"
        "testing.memory_ledger().close()\n"
        "try:\n    testing.EventStoreConformance\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "EventStoreConformance needs pytest: pip install 'flowledger[testing]'\n"


# --- clock ------------------------------------------------------------------------------------------------------------


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(datetime(2025, 5, 4, tzinfo=UTC))
    assert clock() == clock() == clock.now
    assert clock.advance(1.5, minutes=1, hours=1, days=1) == datetime(2025, 5, 5, 1, 1, 1, 500_000, tzinfo=UTC)
    clock.advance(days=-1)
    clock.set(clock() + timedelta(seconds=1))
    assert clock() == datetime(2025, 5, 4, 1, 1, 2, 500_000, tzinfo=UTC)
    for naive in (clock.set, ManualClock):
        with pytest.raises(fl.InvalidRequest, match="no time zone"):
            naive(datetime(2025, 5, 4))  # noqa: DTZ001 - that is what it refuses


def test_two_ledgers_in_memory_share_nothing_and_record_the_same_times() -> None:
    with memory_ledger() as one, memory_ledger() as other:
        saved = [
            ledger.workflows.save({"nodes": [{"id": "a", "type": "do"}]}, workflow_id="w") for ledger in (one, other)
        ]
        assert saved[0] == saved[1]
        assert saved[0].taken_at == ManualClock().now
        with pytest.raises(fl.RunNotFound):
            one.runs.get("nobody")


# --- decisions --------------------------------------------------------------------------------------------------------

STARTED = NewEvent(
    "run.started", {"workflow_id": "w", "workflow_version": 1, "definition_digest": "d", "start_node_id": "a"}
)
HELD = NewEvent("run.held", {"reason": "lunch"})


def test_what_follows_is_compared_with_what_is_said_of_it() -> None:
    decision = given(STARTED, stream="r").when(lambda run: hold(run, "lunch", "bob", 9_000))
    decision.then(NewEvent("run.held", {"by": "bob", "recorded_at": 9_000}))
    decision.then(HELD)
    for wrong in ([], [NewEvent("run.resumed", {})], [HELD, HELD], [NewEvent("run.held", {"reason": "dinner"})]):
        with pytest.raises(AssertionError):
            decision.then(*wrong)
    with pytest.raises(AssertionError):
        decision.then_nothing()
    with pytest.raises(AssertionError, match="it is None, not IllegalTransition"):
        decision.then_refused(fl.IllegalTransition)


def test_a_refusal_is_compared_with_its_kind_and_message() -> None:
    decision = given(STARTED, HELD, stream="r").when(lambda run: hold(run, None, "bob", 9_000))
    decision.then_refused(fl.IllegalTransition, "run 'r' is held by ada")
    for kind, match in ((fl.RunNotFound, ""), (fl.IllegalTransition, "completed")):
        with pytest.raises(AssertionError):
            decision.then_refused(kind, match)
    for otherwise in (decision.then_nothing, lambda: decision.then(HELD)):
        with pytest.raises(fl.IllegalTransition, match="is held by ada"):
            otherwise()


def test_given_are_the_events_of_one_stream_of_any_kind() -> None:
    opened = NewEvent("work_order.opened", {"workflow_id": "w", "run_id": "r1"})
    given(opened, stream="o").when(lambda order: add_run(order, "r2", "retry", by="bob", now=1)).then(
        NewEvent("work_order.run_added", {"run_id": "r2", "recorded_at": 1_000, "correlation_id": "o"})
    )
    with memory_ledger() as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "do"}]}, workflow_id="w")
        saved = list(ledger.history.events("workflow:w"))
    given(*saved).when(lambda workflow: archive(workflow, "bob", None, 1)).then(
        NewEvent("workflow.archived", {"workflow_id": "w", "by": "bob"})
    )
    archived = NewEvent("workflow.archived", {"workflow_id": "w"})
    given(*saved, archived).when(
        lambda workflow: restore(workflow, None, by="bob", message=None, is_taken=lambda _: False, now=1)
    ).then(NewEvent("workflow.restored", {"by": "bob"}))
    for nothing in ((), (opened, STARTED), (NewEvent("test.noted", {}),)):
        with pytest.raises(fl.InvalidRequest, match="given are the events of one run"):
            given(*nothing)


def test_a_recorded_run_is_given_as_it_was() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: fl.Pause("look") if step.payload is None else step.payload)
    with memory_ledger(executors) as ledger:
        ledger.workflows.save(TWO, workflow_id="w")
        run = ledger.runs.start("w")
        now = given(*ledger.history.events(run.id))
    assert now.state.snapshot() == run.snapshot
    now.when(lambda state: set_metadata(state, {"k": 1}, "bob", 1)).then(
        NewEvent("run.metadata_set", {"metadata": {"k": 1}, "correlation_id": run.work_order_id})
    )
    now.when(lambda state: proceed(state, None, "bob", 1)).then_refused(
        fl.IllegalTransition, f"run '{run.id}' is paused"
    )


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(store_url: str) -> Iterator[fl.Ledger]:
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: step.idempotency_key)
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save(TWO, workflow_id="w")
        yield ledger


@pytest.mark.parametrize(("point", "version"), [("crash before commit", 1), ("crash after commit", 2)])
def test_a_crash_leaves_what_was_committed(ledger: fl.Ledger, point: Any, version: int) -> None:
    faults = Faults(ledger)
    faults.next(point, passing=1)
    with pytest.raises(Crash, match=point):
        ledger.runs.start("w")
    run_id = ledger.history.runs().items[0].id
    assert ledger.runs.get(run_id).version == version
    assert ledger.runs.proceed(run_id).status == "completed"
    assert ledger.verify().ok


@pytest.mark.parametrize("point", ["connection lost before commit", "connection lost after commit"])
def test_a_connection_that_is_lost_once_is_made_good(ledger: fl.Ledger, point: Any) -> None:
    faults = Faults(ledger)
    for passing in range(3):
        faults.next(point, passing=passing)
        run = ledger.runs.start("w")
        assert (run.status, run.version) == ("completed", 3)
    assert ledger.verify().ok


def test_a_connection_that_stays_away_leaves_the_outcome_unknown(ledger: fl.Ledger) -> None:
    faults = Faults(ledger)
    faults.next("connection lost before commit", times=2)
    with pytest.raises(fl.StorageUnavailable, match="whether it is stored is unknown"):
        ledger.runs.start("w")
    assert ledger.runs.start("w").status == "completed"


def test_a_full_disk_is_full_until_there_is_room(ledger: fl.Ledger) -> None:
    run = ledger.runs.start("w", wait=False)
    faults = Faults(ledger)
    faults.next("disk full", times=None)
    for _ in range(3):
        with pytest.raises(fl.StorageUnavailable, match="the disk is full"):
            ledger.runs.proceed(run.id)
    faults.clear()
    assert ledger.runs.proceed(run.id).status == "completed"


def test_what_is_no_fault_point_is_refused(ledger: fl.Ledger) -> None:
    with pytest.raises(fl.InvalidRequest, match="'fire' is no fault point; there are: crash before commit"):
        Faults(ledger).next("fire")  # type: ignore[arg-type]


# --- cases ------------------------------------------------------------------------------------------------------------


def test_a_case_gets_its_globals_and_executes_effects_only_by_name(tmp_path: Path) -> None:
    sent: list[str] = []

    def registry(greeting: str) -> fl.ExecutorRegistry:
        executors = fl.ExecutorRegistry()

        @executors.register("send", effects=True)
        def send(step: fl.StepContext) -> str:
            sent.append(greeting)
            return greeting + step.globals["name"]

        return executors

    with memory_ledger(registry("hello ")) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "send"}]}, workflow_id="w")
        run = ledger.runs.start("w", globals={"name": "ada"})
        ledger.history.export(run.id, tmp_path / "case.jsonl")
    assert replay_case(tmp_path / "case.jsonl", registry("hello ")).taken == 1
    assert sent == ["hello "]
    given_globals = {"name": "ada"}
    assert (
        replay_case(tmp_path / "case.jsonl", registry("hello "), effects=["send"], globals=given_globals).executed == 1
    )
    with pytest.raises(Diverged, match="'a'"):
        replay_case(tmp_path / "case.jsonl", registry("bye "), effects=["send"], globals=given_globals)
    with pytest.raises(fl.InvalidRequest, match="No such file"):
        replay_case(tmp_path / "none.jsonl", registry(""))
