"""Callables in globals: what they answer is masked, and otherwise nobody notices."""

import inspect
import pickle
from functools import partial
from types import FunctionType
from typing import Any
from unittest.mock import MagicMock

import pytest

import flowledger as fl
from flowledger.domain.masking import Masker
from flowledger.domain.masking.observing import observe_answers

SECRET = "".join(("tr0ub4dor", "-&-3"))


def give() -> str:
    return SECRET[::-1][::-1]


class Provider:
    """Gives tokens, is a context, and has a length."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, kind: str = "text") -> Any:
        self.calls += 1
        made = SECRET[:5] + SECRET[5:]
        return {"text": made, "deep": {"tokens": [made]}, "bytes": made.encode()}[kind]

    def __enter__(self) -> str:
        return "entered"

    def __exit__(self, *_: object) -> None: ...

    def __len__(self) -> int:
        return 7


@pytest.mark.parametrize(
    ("value", "arguments"),
    [
        (give, ()),
        (lambda: SECRET + "", ()),
        (partial(give), ()),
        (Provider(), ()),
        (Provider(), ("deep",)),
        (Provider(), ("bytes",)),
        (Provider().__call__, ()),
        (" ".join, ([SECRET, "x"],)),
    ],
)
def test_what_it_answers_is_masked(value: Any, arguments: tuple[Any, ...]) -> None:
    masker = Masker({"it": value})
    observe_answers(value, masker.add_answer)(*arguments)
    assert SECRET not in masker.text(f"no {SECRET} x")


async def test_what_is_awaited_is_masked() -> None:
    async def later() -> str:
        return give()

    masker = Masker({"it": later})
    observed = observe_answers(later, masker.add_answer)
    assert inspect.iscoroutinefunction(observed)
    assert await observed() == SECRET
    assert masker.text(SECRET) == "***"


def test_it_passes_for_the_callable() -> None:
    provider = Provider()
    observed = observe_answers(provider, lambda answer: None)
    assert isinstance(observed, Provider)
    assert observed == provider
    assert hash(observed) == hash(provider)
    assert repr(observed) == repr(provider)
    assert len(observed) == 7
    with observed as entered:
        assert entered == "entered"
    observed()
    assert provider.calls == observed.calls == 1
    observed.calls = 5
    assert provider.calls == 5
    with pytest.raises(AttributeError):
        _ = observed.nothing


def test_a_function_passes_for_the_function() -> None:
    observed = observe_answers(give, lambda answer: None)
    assert isinstance(observed, FunctionType)
    assert observed.__name__ == "give"
    assert inspect.signature(observed) == inspect.signature(give)
    assert pickle.loads(pickle.dumps(observed)) is give  # noqa: S301 - what was pickled here


def test_a_mock_goes_on_mocking() -> None:
    mock = MagicMock(return_value="a-token-that-was-asked-for")
    masker = Masker({"mock": mock})
    observed = observe_answers(mock, masker.add_answer)
    assert observed("x") == "a-token-that-was-asked-for"
    mock.assert_called_once_with("x")
    assert masker.text("a-token-that-was-asked-for") == "***"


@pytest.mark.parametrize("value", ["text", 7, None, Provider, {"a": give}])
def test_what_is_no_callable_and_what_is_a_class_stays_itself(value: Any) -> None:
    assert observe_answers(value, lambda answer: None) is value


def test_an_executor_that_calls_a_global_tells_nobody_what_it_got() -> None:
    executors = fl.ExecutorRegistry()

    @executors.register("t")
    def t(step: fl.StepContext) -> None:
        token = step.globals["give"]()
        step.log.info("with %s", token)
        raise ValueError(f"no {token}")

    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "t"}]}, workflow_id="w", by="ada")
        for given in (give, Provider()):
            run = ledger.runs.start("w", globals={"give": given}, by="ada")
            recorded = str([event.data for event in ledger.history.events(run.id)][1:])
            assert SECRET not in recorded
            assert "no ***" in recorded
