"""Whatever an executor returns, raises or logs is recorded; nothing escapes."""

import inspect
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

import flowledger as fl

from .harness import GOOD, Harness, raiser


class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    secret: Any


class Hostile(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("no items for you")


class Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")

    __repr__ = __str__


ODD_RETURNS: dict[str, Callable[[], Any]] = {
    "a model that cannot be dumped": lambda: Model(secret=object()),
    "a mapping that raises": lambda: Hostile(a=1),
    "an object without repr": Unshowable,
    "a handle that is a number": lambda: fl.StepResult(1, handle=7),
    "a handle with a lone surrogate": lambda: fl.StepResult(1, handle="\ud800"),
    "a handle without repr": lambda: fl.StepResult(1, handle=Unshowable()),
    "a pause until a naive time": lambda: fl.Pause("x", until=datetime(2030, 1, 1)),  # noqa: DTZ001 - a naive time is the bad input
    "a pause until some text": lambda: {"__pause": True, "until": "tomorrow"},
    "a pause with a reason without text": lambda: {"__pause": True, "reason": Unshowable()},
    "a key without repr": lambda: {Unshowable(): 1},
}


@pytest.mark.parametrize("kind", ODD_RETURNS)
def test_whatever_an_executor_returns_nothing_escapes(memory_desk: Harness, kind: str) -> None:
    run = memory_desk.start(lambda step: ODD_RETURNS[kind]())
    assert run.status == "failed"
    assert [event.type for event in memory_desk.ledger.history.events(run.id)] == ["run.started", "run.step_failed"]


class UnshowableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


class ExitsWhenShownError(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class PowerCutError(BaseException):
    pass


RAISED: dict[str, tuple[BaseException, str]] = {
    "an exception": (ValueError("no luck"), "ValueError: no luck"),
    "without a message": (KeyError(), "KeyError: "),
    "without text": (UnshowableError(), "UnshowableError: (its __str__ raised RuntimeError)"),
    "that exits when shown": (ExitsWhenShownError(), "ExitsWhenShownError: (its __str__ raised SystemExit)"),
    "a group": (ExceptionGroup("both", [ValueError("a"), TypeError("b")]), "ExceptionGroup: both (2 sub-exceptions)"),
    "an exit": (SystemExit(7), "SystemExit: 7"),
    "a base exception": (PowerCutError("dark"), "PowerCutError: dark"),
    "StopIteration": (StopIteration(1), "StopIteration: 1"),
    "StopAsyncIteration": (StopAsyncIteration(1), "StopAsyncIteration: 1"),
    "a surrogate": (ValueError("x\ud800y"), "ValueError: x\\ud800y"),
    "an error of ours": (fl.ConcurrencyError("s", 1, 2), "ConcurrencyError: stream 's'"),
    "a storage error": (fl.StorageUnavailable("gone"), "StorageUnavailable: gone"),
    "for good": (fl.NonRetryable("stolen"), "NonRetryable: stolen"),
    "memory": (MemoryError(), "MemoryError: "),
}


@pytest.mark.parametrize("how", ["sync", "async", "engine"])
@pytest.mark.parametrize("kind", RAISED)
async def test_whatever_an_executor_raises_is_recorded(memory_desk: Harness, kind: str, how: str) -> None:
    error, text = RAISED[kind]
    memory_desk.do = raiser(error)
    if how == "sync":
        snapshot = memory_desk.start(memory_desk.do).snapshot
    elif how == "async":
        snapshot = (await memory_desk.ledger.runs.astart("w")).snapshot
    else:
        definition = fl.WorkflowDefinition.model_validate(GOOD)
        snapshot = fl.Engine(definition, memory_desk.executors).execute()
    assert snapshot.status == "failed"
    (result,) = snapshot.context["only"]
    assert result.error is not None
    assert result.error.startswith(text)
    assert fl.Snapshot.from_json(snapshot.to_json()) == snapshot


async def test_an_async_executor_whose_signature_lies_fails_its_step(memory_desk: Harness) -> None:
    async def takes_nothing() -> None:
        pass

    takes_nothing.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("step", inspect.Parameter.POSITIONAL_ONLY)]
    )
    memory_desk.executors.register("odd")(takes_nothing)
    memory_desk.ledger.workflows.save({"nodes": [{"id": "a", "type": "odd"}]}, workflow_id="odd")
    assert (await memory_desk.ledger.runs.astart("odd")).status == "failed"


def test_a_long_message_is_cut_and_says_so(harness: Harness) -> None:
    run = harness.start(raiser(ValueError("x" * 5_000_000)))
    error = run.snapshot.context["only"][0].error
    assert error is not None
    assert len(error) < 300_000
    assert error.endswith("… (cut here: 5,000,000 characters in all)")


def test_odd_log_lines_are_recorded(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("flowledger.steps"), "propagate", False)  # handlers of tests take text only

    def talk(step: fl.StepContext) -> str:
        step.log.warning("half a \ud83d emoji")
        step.log.info("%s and %s", "one", {"two": 2})
        try:
            raise ValueError("inner \udfff")
        except ValueError:
            step.log.exception("caught")
        return "said"

    run = harness.start(talk)
    assert run.status == "completed"
    (*_, event) = harness.ledger.history.events(run.id)
    assert [line["message"].partition("\n")[0] for line in event.data["logs"]] == [
        "half a \\ud83d emoji",
        "one and {'two': 2}",
        "caught",
    ]
    assert "inner \\udfff" in event.data["logs"][2]["message"]


def test_a_log_line_with_wrong_arguments_fails_no_step(memory_desk: Harness) -> None:
    assert memory_desk.start(lambda step: step.log.info("%d pieces", "many")).status == "completed"


def test_values_that_together_are_over_the_limit_of_an_event_fail_the_step(harness: Harness) -> None:
    def talkative(step: fl.StepContext) -> str:
        for _ in range(40):
            step.log.info("x" * 50_000)
        return "y" * 9_000

    run = harness.start(talkative)
    assert run.status == "failed"
    error = run.snapshot.context["only"][0].error
    assert error is not None
    assert "over the limit" in error
    assert harness.ledger.verify().ok
    assert harness.start(lambda step: 1).status == "completed"


def test_the_cause_of_an_error_is_recorded_with_it(memory_desk: Harness) -> None:
    def do(step: fl.StepContext) -> Any:
        try:
            raise ConnectionError("refused by the bank")
        except ConnectionError as cause:
            raise ValueError("no money") from cause

    run = memory_desk.start(do)
    (*_, event) = memory_desk.ledger.history.events(run.id)
    assert "refused by the bank" in event.data["error"]["traceback"]
