"""Calls that make no sense: an error of ours that says why, and nothing written."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

import flowledger as fl

from .harness import GOOD, Harness, line


def test_resuming_what_is_not_paused_is_refused(harness: Harness) -> None:
    ended = harness.start(lambda step: 1)
    waiting = harness.ledger.runs.start("w", wait=False)
    before = harness.written()
    with pytest.raises(fl.IllegalTransition, match="completed, not paused"):
        harness.ledger.runs.resume(ended.id)
    with pytest.raises(fl.IllegalTransition, match="active, not paused"):
        harness.ledger.runs.resume(waiting.id)
    for order in (harness.ledger.runs.pause, harness.ledger.runs.cancel):
        with pytest.raises(fl.IllegalTransition, match=r"completed since .* can't be"):
            order(ended.id)
    assert harness.written() == before


@pytest.mark.parametrize("name", ["resume", "proceed", "hold", "release", "pause", "cancel", "get"])
def test_an_unknown_run_is_not_found(harness: Harness, name: str) -> None:
    before = harness.written()
    with pytest.raises(fl.RunNotFound, match="no run 'nobody'"):
        getattr(harness.ledger.runs, name)("nobody")
    with pytest.raises(fl.RunNotFound):
        harness.ledger.runs.set_metadata("nobody", {})
    assert harness.written() == before


def test_a_stream_that_is_no_run_is_not_taken_for_one(memory_desk: Harness) -> None:
    run = memory_desk.start(lambda step: 1)
    for other in (run.work_order_id, "workflow:w"):
        for read in (
            memory_desk.ledger.runs.get,
            memory_desk.ledger.runs.cancel,
            memory_desk.ledger.history.snapshot,
            memory_desk.ledger.history.workflow_of,
            lambda run_id: next(memory_desk.ledger.history.snapshots(run_id)),
        ):
            with pytest.raises(fl.RunNotFound):
                read(other)


@pytest.mark.parametrize("limit", [-1, True, "3", 1.5])
def test_a_step_limit_that_is_no_count_is_refused(memory_desk: Harness, limit: Any) -> None:
    waiting = memory_desk.ledger.runs.start("w", wait=False)
    before = memory_desk.written()
    engine = fl.Engine(fl.WorkflowDefinition.model_validate(GOOD), memory_desk.executors)
    for call in (
        lambda: memory_desk.ledger.runs.start("w", step_limit=limit),
        lambda: memory_desk.ledger.runs.proceed(waiting.id, step_limit=limit),
        lambda: engine.execute(step_limit=limit),
    ):
        with pytest.raises(fl.InvalidRequest, match="step_limit"):
            call()
    assert memory_desk.written() == before


def test_a_naive_clock_is_refused_and_nothing_written(store_url: str) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: 1)
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - a naive time is the bad input
    with fl.open_ledger(store_url, executors, clock=lambda: naive) as ledger:
        with pytest.raises(fl.InvalidRequest, match="no time zone"):
            ledger.workflows.save(GOOD, workflow_id="w")
        assert ledger.verify().events == 0
    with pytest.raises(fl.InvalidRequest, match="no time zone"):
        fl.Engine(fl.WorkflowDefinition.model_validate(GOOD), executors, clock=lambda: naive).execute()


ODD_CALLS: dict[str, Callable[[fl.Ledger], Any]] = {
    "an empty workflow id": lambda ledger: ledger.workflows.save(GOOD, workflow_id=""),
    "a workflow id with a surrogate": lambda ledger: ledger.workflows.save(GOOD, workflow_id="\ud800"),
    "a workflow id with a NUL": lambda ledger: ledger.workflows.save(GOOD, workflow_id="a\0b"),
    "a workflow id that is too long": lambda ledger: ledger.workflows.save(GOOD, workflow_id="x" * 2000),
    "a workflow id that is a number": lambda ledger: ledger.workflows.save(GOOD, workflow_id=7),
    "nobody by that name": lambda ledger: ledger.workflows.save(GOOD | {"start": "only"}, workflow_id="w", by="\ud800"),
    "a saver that is a number": lambda ledger: ledger.workflows.save(line("only", start="only"), workflow_id="n", by=7),
    "a message with a surrogate": lambda ledger: ledger.workflows.save(GOOD, workflow_id="n", message="\ud800"),
    "an actor with a surrogate": lambda ledger: ledger.runs.start("w", by="\ud800"),
    "an actor that is a number": lambda ledger: ledger.runs.start("w", by=7),
    "an unknown workflow": lambda ledger: ledger.runs.start("unknown"),
    "a workflow without a name": lambda ledger: ledger.runs.start(""),
    "a run without a name": lambda ledger: ledger.history.snapshot(""),
    "a stale version": lambda ledger: ledger.workflows.save(line("x"), workflow_id="w", expected_version=0),
    "a version to come": lambda ledger: ledger.workflows.save(line("x"), workflow_id="w", expected_version=9),
}


@pytest.mark.parametrize("kind", ODD_CALLS)
def test_a_call_that_makes_no_sense_is_refused_in_our_words(harness: Harness, kind: str) -> None:
    before = harness.written()
    with pytest.raises(fl.FlowledgerError):
        ODD_CALLS[kind](harness.ledger)
    assert harness.written() == before


def test_a_ledger_without_executors_reads_and_saves_but_does_not_run(harness: Harness, store_url: str) -> None:
    if store_url == "memory:":
        pytest.skip("a store in memory is nobody else's")
    run = harness.start(lambda step: fl.Pause("why"))
    before = harness.written()
    with fl.open_ledger(store_url) as reader:
        assert reader.history.snapshot(run.id) == run.snapshot
        for call in (lambda: reader.runs.start("w"), lambda: reader.runs.resume(run.id)):
            with pytest.raises(fl.InvalidRequest, match="without executors"):
                call()
    assert harness.written() == before


ODD_ARGUMENTS: dict[str, Callable[[fl.Ledger, str], Any]] = {
    "a version that is text": lambda ledger, run_id: ledger.history.snapshot(run_id, "1"),
    "a time that is text": lambda ledger, run_id: ledger.history.snapshot(run_id, at="now"),
    "metadata that is text": lambda ledger, run_id: ledger.runs.set_metadata(run_id, "abc"),
    "globals that are a list": lambda ledger, run_id: ledger.runs.proceed(run_id, globals=[1]),
    "no run id": lambda ledger, run_id: ledger.runs.get(None),
}


@pytest.mark.parametrize("kind", ODD_ARGUMENTS)
def test_an_argument_of_a_wrong_type_is_refused_in_our_words(memory_desk: Harness, kind: str) -> None:
    run = memory_desk.ledger.runs.start("w", wait=False)
    before = memory_desk.written()
    with pytest.raises(fl.FlowledgerError):
        ODD_ARGUMENTS[kind](memory_desk.ledger, run.id)
    assert memory_desk.written() == before


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("threads", [0, True, "8"]),
        ("lease", [0, "30", float("nan")]),
        ("max_value_bytes", [0, -5, 1.5, True, "x", None]),
        ("checkpoint_every", [0, -1, 1.5, True, "x"]),
        ("globals", [5, "x"]),
    ],
)
def test_options_of_a_ledger_that_mean_nothing_are_refused_when_it_is_opened(option: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(fl.InvalidRequest, match=option):
            fl.open_ledger("memory:", **{option: value})
