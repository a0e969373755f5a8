"""An executor is called with one positional argument; ``register`` refuses what can't be."""

import functools
import re
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

import flowledger as fl


class Callables:
    def method(self, step: fl.StepContext) -> None: ...
    def of_two(self, step: fl.StepContext, more: int) -> None: ...
    def without(self) -> None: ...
    @staticmethod
    def static(step: fl.StepContext) -> None: ...
    @classmethod
    def of_class(cls, step: fl.StepContext) -> None: ...


class Callable1:
    def __call__(self, step: fl.StepContext) -> None: ...


class Callable0:
    def __call__(self) -> None: ...


class AsyncCallable2:
    async def __call__(self, step: fl.StepContext, more: int) -> None: ...


async def asynchronous(step: fl.StepContext) -> None: ...
async def asynchronous_without() -> None: ...


def with_a_default(step: fl.StepContext, more: int = 1) -> None: ...
def of_two(step: fl.StepContext, more: int) -> None: ...


def injecting(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def given(step: fl.StepContext) -> Any:
        return function(step, 7)

    return given


def forgetting(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def given() -> Any:
        return function(None)

    return given


def annotated(step: "nowhere.Defined") -> None: ...  # type: ignore[name-defined]  # noqa: F821


FIT: dict[str, Callable[..., Any]] = {
    "a lambda": lambda step: 1,
    "any arguments": lambda *args, **more: 1,
    "a default": with_a_default,
    "a bound method": Callables().method,
    "a static method": Callables.static,
    "a class method": Callables.of_class,
    "a callable object": Callable1(),
    "async": asynchronous,
    "a partial by name": functools.partial(of_two, more=1),
    "a partial by place": functools.partial(lambda more, step: 1, 1),
    "a decorator that gives the rest": injecting(of_two),
    "a builtin without signature": dict.fromkeys,
    "a class without signature": dict,
    "a mock": Mock(),
    "unknown annotations": annotated,
}
UNFIT: dict[str, tuple[Callable[..., Any], str]] = {
    "nothing": (lambda: 1, "<lambda>' can't be: too many positional arguments"),
    "two": (of_two, "'of_two' can't be: missing a required argument: 'more'"),
    "only by name": (lambda *, step: 1, "too many positional arguments"),
    "an unbound method": (Callables.of_two, "missing a required argument"),
    "a bound method of two": (Callables().of_two, "missing a required argument: 'more'"),
    "a bound method of nothing": (Callables().without, "too many positional arguments"),
    "a callable object of nothing": (Callable0(), "too many positional arguments"),
    "an async callable of two": (AsyncCallable2(), "missing a required argument: 'more'"),
    "async of nothing": (asynchronous_without, "too many positional arguments"),
    "a partial that gives all": (functools.partial(asynchronous, 1), "too many positional arguments"),
    "a partial by a name that place needs": (functools.partial(asynchronous, step=1), "can't be: "),
    "a decorator that takes nothing": (forgetting(asynchronous), "too many positional arguments"),
}


@pytest.mark.parametrize("name", FIT)
def test_what_can_be_called_with_one_argument_is_registered(name: str) -> None:
    executors = fl.ExecutorRegistry()
    assert executors.register("x")(FIT[name]) is FIT[name]
    assert "x" in executors


@pytest.mark.parametrize("name", UNFIT)
def test_what_can_not_is_refused_and_what_is_wrong_said(name: str) -> None:
    executors = fl.ExecutorRegistry()
    function, message = UNFIT[name]
    with pytest.raises(fl.InvalidRequest, match=f"executor type 'x': .*{re.escape(message)}"):
        executors.register("x")(function)
    assert "x" not in executors
