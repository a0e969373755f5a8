"""What came of a piece of work: how a run's events are read, and which of them a repetition or a fork takes."""

from typing import Any

import pytest

from flowledger.domain.ports import NewEvent
from flowledger.domain.rerun.effects import Execution, RunRecord, Work, is_done, to_repeat, to_take
from flowledger.domain.run import RunState, evolve
from flowledger.domain.values.json_compare import json_digest

STARTED = {"recorded_at": 1, "by": "ada", "workflow_id": "w", "workflow_version": 1, "start_node_id": "pay"}
STEP = {"node_id": "pay", "spent": 1, "started_at": 1}
DONE = NewEvent("run.step_completed", STEP)
FAILED = NewEvent("run.step_failed", STEP | {"error": {"type": "E", "message": "m"}})
FAILED_FOR_NOW = NewEvent("run.step_failed", {**FAILED.data, "retry_at": 9})
CAUGHT = NewEvent("run.step_failed", {**FAILED.data, "next_node_id": "pay"})
ASKED = NewEvent("run.paused", STEP)
HELD = NewEvent("run.paused", {})
RESUMED = NewEvent("run.resumed", {})
YES, NO = json_digest("yes"), json_digest("no")


def resumed(payload: Any) -> NewEvent:
    return NewEvent("run.resumed", {"payload": payload})


def read(*events: NewEvent) -> list[tuple[int, int, str | None]]:
    """Of each execution the number of its work, its version, and the answer that it saw."""
    begun = RunState("r")
    evolve(begun, "run.started", STARTED)
    record = RunRecord(begun)
    record.follow(
        (version, type, {"recorded_at": version, "by": "ada", **data}) for version, (type, data) in enumerate(events, 2)
    )
    assert record.version == 1 + len(events)
    return sorted((work.number, execution.version, execution.answer) for work, execution in record.all())


def test_each_leaving_of_the_node_ends_a_piece_of_work() -> None:
    assert read(FAILED_FOR_NOW, DONE, DONE, CAUGHT, DONE) == [
        (1, 2, None),
        (1, 3, None),
        (2, 4, None),
        (3, 5, None),
        (4, 6, None),
    ]


def test_an_execution_is_told_by_the_answer_that_it_saw() -> None:
    nothing = json_digest(None)
    assert read(ASKED, resumed("yes"), FAILED_FOR_NOW, ASKED, RESUMED, DONE, DONE) == [
        (1, 2, None),
        (1, 4, YES),
        (1, 5, YES),
        (1, 7, nothing),
        (2, 8, None),
    ]


def test_an_operators_hold_of_older_releases_asks_nothing() -> None:
    assert read(HELD, resumed("yes"), DONE) == [(1, 4, None)]


def test_what_was_not_on_record_was_not_done() -> None:
    nowhere = NewEvent("run.step_failed", {**FAILED.data, "recorded": {"run_id": "q"}})
    taken = NewEvent("run.step_completed", {**DONE.data, "recorded": {"run_id": "q", "version": 3}})
    assert read(nowhere, taken) == [(1, 3, None)]


def of(type: str, answer: str | None = None, *, is_final: bool = True, version: int = 2) -> Execution:
    return Execution("r", version, f"run.{type}", answer, 1, was_taken=False, is_final=is_final)


ASKS = of("paused", is_final=False)
ASKS_MORE = of("paused", YES, is_final=False)
TRIES = of("step_failed", is_final=False)
FAILS, FAILS_ON_NO = of("step_failed"), of("step_failed", NO)
SUCCEEDS, SUCCEEDS_ON_YES = of("step_completed"), of("step_completed", YES)


@pytest.mark.parametrize(
    ("executions", "came"),
    [
        ([], None),
        ([ASKS], None),
        ([TRIES], None),
        ([TRIES, FAILS], FAILS),
        ([TRIES, SUCCEEDS], SUCCEEDS),
        ([FAILS, SUCCEEDS], SUCCEEDS),
        ([ASKS, ASKS_MORE, SUCCEEDS_ON_YES], SUCCEEDS_ON_YES),
    ],
)
def test_a_reproduction_repeats_what_came_of_the_work_in_the_end(
    executions: list[Execution], came: Execution | None
) -> None:
    assert to_repeat(executions) == came


@pytest.mark.parametrize(
    ("executions", "answer", "taken"),
    [
        ([ASKS, SUCCEEDS_ON_YES], None, ASKS),
        ([ASKS, SUCCEEDS_ON_YES], YES, SUCCEEDS_ON_YES),
        ([ASKS, SUCCEEDS_ON_YES], NO, None),
        ([ASKS, ASKS_MORE], YES, ASKS_MORE),
        ([ASKS, ASKS_MORE, SUCCEEDS_ON_YES], YES, SUCCEEDS_ON_YES),
        ([ASKS, FAILS_ON_NO], NO, FAILS_ON_NO),
        ([TRIES, SUCCEEDS], None, SUCCEEDS),
        ([TRIES], None, None),
        ([FAILS], None, FAILS),
        ([], None, None),
    ],
)
def test_a_fork_takes_what_came_of_the_work_on_the_answer_that_it_has(
    executions: list[Execution], answer: str | None, taken: Execution | None
) -> None:
    assert to_take(executions, answer) == taken


@pytest.mark.parametrize(
    ("executions", "done"), [([], False), ([ASKS], False), ([TRIES], True), ([ASKS, FAILS_ON_NO], True)]
)
def test_a_question_does_nothing_and_an_attempt_may_have(executions: list[Execution], done: bool) -> None:
    assert is_done(executions) is done


def test_a_record_goes_on_where_the_run_began() -> None:
    """A fork begins with what its source had done, and with what that was answered."""
    begun = RunState("r")
    evolve(begun, "run.started", STARTED)
    for type, data in (DONE, ASKED, resumed("yes")):
        evolve(begun, type, {"recorded_at": 1, "by": "ada", **data})
    record = RunRecord(begun)
    record.follow([(5, DONE.type, {"recorded_at": 5, **DONE.data})])
    assert record.executions(Work("pay", 1)) == []
    (execution,) = record.executions(Work("pay", 2))
    assert (execution.version, execution.answer) == (5, YES)
