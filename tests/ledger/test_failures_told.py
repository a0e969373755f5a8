"""A failed attempt is also told on the logger ``flowledger.runs``, where error trackers find it."""

import logging
import sys
from typing import Any

import pytest

import flowledger as fl

from ..told import Told
from .test_step_log import SECRET, told

__all__ = ["told"]

NODE = {"id": "pay", "type": "charge"}


class Declined(Exception):
    """An error of the application's, which holds more than its message."""

    def __init__(self, card: str) -> None:
        super().__init__(f"declined: {card}")
        self.card = card


def ledger_of(do: Any, **registered: Any) -> fl.Ledger:
    executors = fl.ExecutorRegistry()
    executors.register("charge", **registered)(do)
    ledger = fl.open_ledger("memory:", executors)
    ledger.workflows.save({"nodes": [NODE]}, workflow_id="orders", by="ada")
    return ledger


def fails(step: fl.StepContext) -> None:
    raise Declined(step.globals.get("card", "4711"))


def shown(record: logging.LogRecord) -> dict[str, Any]:
    names = ("levelname", "run_id", "workflow_id", "workflow_version", "node", "node_type", "attempt", "error_type")
    return {name: vars(record)[name] for name in names}


def test_each_failed_attempt_is_told_once(told: Told) -> None:
    ledger = ledger_of(fails, retry=fl.RetryPolicy(max_retries=1, interval=0))
    run = ledger.runs.start("orders")
    run = ledger.runs.proceed(run.id)
    assert run.status == "failed"
    first, last = told.records
    common = {"run_id": run.id, "workflow_id": "orders", "workflow_version": 1, "node": "pay", "node_type": "charge"}
    assert shown(first) == common | {"levelname": "WARNING", "attempt": 1, "error_type": "Declined"}
    assert shown(last) == common | {"levelname": "ERROR", "attempt": 2, "error_type": "Declined"}
    assert last.name == "flowledger.runs"
    assert last.getMessage() == f"run {run.id}: node 'pay' failed at attempt 2: Declined: declined: 4711"
    assert first.msg == last.msg  # error trackers group by it


def test_without_secrets_the_error_itself_goes_along(told: Told) -> None:
    ledger_of(fails).runs.start("orders", globals={"card": fl.Public("0815")})
    (record,) = told.records
    assert record.exc_info is not None
    kind, error, trace = record.exc_info
    assert kind is Declined
    assert isinstance(error, Declined)
    assert error.card == "0815"
    assert trace is not None
    assert ", in fails" in told.format(record)


def fails_deep(step: fl.StepContext) -> None:
    card = step.globals["card"]
    try:
        raise KeyError(card)
    except KeyError as error:
        error.add_note(f"it was {card}")
        raise Declined(card) from error


@pytest.mark.parametrize("do", [fails, fails_deep, lambda step: {step.globals["card"]: {1}}])
def test_with_secrets_one_that_is_called_the_same_goes_along(told: Told, do: Any) -> None:
    run = ledger_of(do).runs.start("orders", globals={"card": SECRET})
    assert run.status == "failed"
    (record,) = told.records
    assert record.exc_info is not None
    kind, error, trace = record.exc_info
    assert kind is not None
    assert kind.__name__ == record.__dict__["error_type"]
    assert trace is None
    assert vars(error) == {}
    assert SECRET not in told.everything()
    assert "***" in record.getMessage()
    assert "***" in str(error)
    assert "***" in str(record.exc_text)


def test_an_input_or_an_expression_that_fails_is_told_too(told: Told) -> None:
    ledger = ledger_of(fails)
    ledger.workflows.save({"nodes": [NODE | {"data": {"x": "{{ payload.gone }}"}}]}, workflow_id="orders", by="ada")
    ledger.runs.start("orders", payload={})
    (record,) = told.records
    assert record.__dict__["error_type"] == "ExpressionError"
    assert "unknown reference 'gone'" in record.getMessage()


def test_a_long_message_is_cut_in_the_line_and_whole_in_the_error(told: Told) -> None:
    def fails_at_length(step: fl.StepContext) -> None:
        raise ValueError("x" * 5000)

    ledger_of(fails_at_length).runs.start("orders")
    (record,) = told.records
    assert len(record.getMessage()) < 1200
    assert "x" * 5000 in str(record.exc_text)


def test_an_engine_alone_tells_it_as_well(told: Told) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("charge")(fails)
    fl.Engine(fl.WorkflowDefinition.model_validate({"nodes": [NODE]}), executors).execute(workflow_id="alone")
    (record,) = told.records
    assert shown(record)["run_id"] is None
    assert shown(record)["workflow_id"] == "alone"


def test_what_succeeds_pauses_or_is_only_replayed_tells_nothing(told: Told) -> None:
    ledger = ledger_of(lambda step: fl.Pause("?") if step.payload is None else step.payload)
    run = ledger.runs.start("orders")
    ledger.runs.resume(run.id, payload=1)
    ledger.runs.cancel(ledger.runs.start("orders").id)
    assert told.records == []
    ledger = ledger_of(fails)
    run = ledger.runs.start("orders")
    told.records.clear()
    assert ledger.history.replay(run.id).ok
    ledger.runs.retry(run.id, preview=True)
    assert told.records == []


def test_whoever_has_set_up_no_logging_is_told_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        ledger_of(fails).runs.start("orders")
        sys.stderr.flush()
    finally:
        root.handlers = handlers
    assert capfd.readouterr().err == ""


def test_a_level_of_the_application_rules(told: Told) -> None:
    logger = logging.getLogger("flowledger.runs")
    logger.setLevel(logging.CRITICAL)
    try:
        ledger_of(fails).runs.start("orders")
    finally:
        logger.setLevel(logging.NOTSET)
    assert told.records == []
