"""A value that is not JSON: refused with its path from outside, a failed step from an executor."""

import enum
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import flowledger as fl

from .desk import GOOD, LIMIT, Desk, deep


def circular() -> Any:
    value: dict[str, Any] = {}
    value["me"] = [value]
    return value


class Colour(enum.Enum):
    RED = 1


BAD_VALUES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "a set": (lambda: {"a": [0, {1}]}, ".a[1]", "a set is not JSON"),
    "NaN": (lambda: {"a": math.nan}, ".a", "nan is not JSON"),
    "infinity": (lambda: [-math.inf], "[0]", "-inf is not JSON"),
    "bytes": (lambda: {"a b": b"x"}, '["a b"]', "bytes is not JSON; use base64"),
    "a datetime": (lambda: [datetime.now(UTC)], "[0]", "isoformat"),
    "an enum": (lambda: [Colour.RED], "[0]", "a Colour is not JSON"),
    "an object": (lambda: object(), "", "an object is not JSON"),
    "circular": (circular, ".me[0].me[0]", "contains itself"),
    "too deep": (lambda: deep(300), "[0][0][0][0]", "nested deeper than 200"),
    "a lone surrogate": (lambda: {"a": "x\udfff"}, ".a", "lone surrogate"),
    "a lone surrogate in a key": (lambda: {"x\udfff": 1}, "", "lone surrogate"),
    "a number for a key": (lambda: {"a": {1: 2}}, ".a", "JSON keys are text"),
    "null for a key": (lambda: {None: 2}, "", "JSON keys are text"),
    "above 64 bits": (lambda: [2**64], "[0]", "beyond 64 bits"),
    "below 64 bits": (lambda: [-(2**63) - 1], "[0]", "beyond 64 bits"),
    "too large": (lambda: {"a": ["x" * 6_000, "y" * 6_000]}, ".a[1]", "over the limit of 10,000 bytes"),
    "too large in UTF-8": (lambda: "é" * 6_000, "", "over the limit"),
}


@pytest.fixture(params=BAD_VALUES)
def bad(request: pytest.FixtureRequest) -> tuple[Any, str, str]:
    make, path, message = BAD_VALUES[request.param]
    return make(), path, message


def test_a_value_that_is_not_json_is_refused_with_its_path(desk: Desk, bad: tuple[Any, str, str]) -> None:
    value, path, message = bad
    waiting = desk.start(lambda step: fl.Pause("why"))
    before = desk.written()
    runs = desk.ledger.runs
    for name, door in {
        "payload": lambda: runs.start("w", payload=value),
        "payload ": lambda: runs.resume(waiting.id, payload=value),
        "metadata.m": lambda: runs.start("w", metadata={"m": value}),
        "metadata.m ": lambda: runs.set_metadata(waiting.id, {"m": value}),
    }.items():
        with pytest.raises(fl.InvalidValue, match=message) as refused:
            door()
        if "nested" not in message and "itself" not in message:
            assert shortened(refused.value.path) == name.strip() + path
        else:
            assert refused.value.path.startswith(name.strip())
    engine = fl.Engine(fl.WorkflowDefinition.model_validate(GOOD), desk.executors, max_value_bytes=LIMIT)
    with pytest.raises(fl.InvalidValue):
        engine.execute(payload=value)
    assert desk.written() == before


def shortened(path: str) -> str:
    return path.encode(errors="replace").decode()


def test_an_output_that_is_not_json_fails_its_step_and_names_the_path(desk: Desk, bad: tuple[Any, str, str]) -> None:
    value, path, message = bad
    for output in (value, fl.StepResult(value)):
        run = desk.start(lambda step, output=output: output)
        assert run.status == "failed"
        (result,) = run.snapshot.context["only"]
        assert result.error is not None
        assert result.error.startswith(f"InvalidValue: output{path}")
        assert message.split(" is ")[0] in result.error
    assert desk.ledger.verify().ok
