"""A value that is not JSON: refused with its path from outside, a failed step from an executor."""

import dataclasses
import math
from collections import UserDict
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pydantic
import pytest

import flowledger as fl

from .harness import GOOD, LIMIT, Harness, deep

NAIVE = datetime.fromisoformat("2026-01-01")


def circular() -> Any:
    value: dict[str, Any] = {}
    value["me"] = [value]
    return value


@dataclasses.dataclass
class Receipt:
    amount: Any


class Binary(pydantic.BaseModel):
    content: bytes


class Half(pydantic.BaseModel):
    x: int = 1

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def y(self) -> int:
        raise RuntimeError("no y")


class Stubborn(pydantic.BaseModel):
    @pydantic.model_serializer
    def refuse(self) -> Any:
        raise KeyError("I won't")


class Tree(pydantic.BaseModel):
    children: list["Tree"] = []


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")


def circular_model() -> Any:
    tree = Tree()
    tree.children.append(tree)
    return tree


class Unreadable(UserDict[str, Any]):
    def items(self) -> Any:
        raise OSError("gone")


BAD_VALUES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "a set": (lambda: {"a": [0, {1}]}, ".a[1]", "a set is not JSON"),
    "NaN": (lambda: {"a": math.nan}, ".a", "nan is not JSON"),
    "infinity": (lambda: [-math.inf], "[0]", "-inf is not JSON"),
    "bytes": (lambda: {"a b": b"x"}, '["a b"]', "bytes is not JSON; use base64"),
    "a datetime without a zone": (
        lambda: [datetime.fromisoformat("2026-01-01")],
        "[0]",
        "a datetime without a time zone",
    ),
    "a Decimal that is no number": (lambda: [Decimal("NaN")], "[0]", "NaN is not JSON"),
    "a set in a dataclass": (lambda: [Receipt({1})], "[0].amount", "a set is not JSON"),
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
    "a model with bytes that are no text": (
        lambda: {"a": Binary(content=b"\xff")},
        ".a",
        "a Binary that can't be dumped",
    ),
    "a model whose field fails": (lambda: [Half()], "[0]", "RuntimeError: no y"),
    "a model whose serializer fails": (lambda: Stubborn(), "", "KeyError"),
    "a circular model": (lambda: {"a": [circular_model()]}, ".a[0]", "a Tree that can't be dumped"),
    "a model with an object": (lambda: Open(x=object()), "", "an Open that can't be dumped"),  # type: ignore[call-arg]
    "a mapping that can't be read": (lambda: {"a": Unreadable()}, ".a", "can't be read: OSError: gone"),
    "too large in UTF-8": (lambda: "é" * 6_000, "", "over the limit"),
}


@pytest.fixture(params=BAD_VALUES)
def bad(request: pytest.FixtureRequest) -> tuple[Any, str, str]:
    make, path, message = BAD_VALUES[request.param]
    return make(), path, message


def test_empty_lists_and_objects_count_as_what_they_take(harness: Harness) -> None:
    harness.start(lambda step: 1, payload=[[], {}] * 300)
    with pytest.raises(fl.InvalidValue, match=r"payload\[\d+\]: over the limit of 10,000 bytes"):
        harness.ledger.runs.start("w", payload=[[], {}] * 320)


def test_a_value_that_is_not_json_is_refused_with_its_path(harness: Harness, bad: tuple[Any, str, str]) -> None:
    value, path, message = bad
    waiting = harness.start(lambda step: fl.Pause("why"))
    before = harness.written()
    runs = harness.ledger.runs
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
    engine = fl.Engine(fl.WorkflowDefinition.model_validate(GOOD), harness.executors, max_value_bytes=LIMIT)
    with pytest.raises(fl.InvalidValue):
        engine.execute(payload=value)
    assert harness.written() == before


def shortened(path: str) -> str:
    return path.encode(errors="replace").decode()


def test_an_output_that_is_not_json_fails_its_step_and_names_the_path(
    harness: Harness, bad: tuple[Any, str, str]
) -> None:
    value, path, message = bad
    for output in (value, fl.StepResult(value)):
        run = harness.start(lambda step, output=output: output)
        assert run.status == "failed"
        (result,) = run.snapshot.context["only"]
        assert result.error is not None
        assert result.error.startswith(f"InvalidValue: output{path}")
        assert message.split(" is ")[0] in result.error
    assert harness.ledger.verify().ok
