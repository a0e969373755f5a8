"""A replay knows the globals, and shows none of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import flowledger as fl

SECRET = "tr0ub4dor-&-3"


class Harness:
    """A ledger whose one executor does what the test says, now and at the replay."""

    def __init__(self) -> None:
        self.do: Callable[[fl.StepContext], Any] = lambda step: None
        executors = fl.ExecutorRegistry()
        executors.register("do")(lambda step: self.do(step))
        self.ledger = fl.open_ledger("memory:", executors)
        self.ledger.workflows.save({"nodes": [{"id": "n", "type": "do"}]}, workflow_id="w", by="ada")

    def run(self, do: Callable[[fl.StepContext], Any], **globals: Any) -> fl.Run:
        self.do = do
        return self.ledger.runs.start("w", globals=globals, by="ada")

    def replay(self, run: fl.Run, do: Callable[[fl.StepContext], Any], **globals: Any) -> fl.ReplayReport:
        self.do = do
        return self.ledger.history.replay(run.id, globals=globals)


@pytest.fixture
def harness() -> Harness:
    return Harness()


def raises(step: fl.StepContext) -> Any:
    raise ValueError(f"no {step.globals['token']}")


@pytest.mark.parametrize(
    "now",
    [
        lambda step: {"who": step.globals["token"]},
        lambda step: {"who": {step.globals["token"]: 1}},
        lambda step: {step.globals["token"]: 1},
        lambda step: fl.StepResult({}, handle=step.globals["token"]),
        lambda step: fl.Pause(step.globals["token"]),
        lambda step: {"who": [step.globals["make"]()]},
        raises,
    ],
)
def test_a_divergence_shows_no_secret(harness: Harness, now: Callable[[fl.StepContext], Any]) -> None:
    given = {"token": SECRET, "make": lambda: SECRET[::-1]}
    run = harness.run(lambda step: {}, **given)
    report = harness.replay(run, now, **given)
    assert report.divergence is not None
    for text in (SECRET, SECRET[::-1]):
        assert text not in str(report)
        assert text not in json.dumps(report.to_data())
    assert "***" in str(report)


def test_what_was_recorded_in_clear_isnt_shown_either(harness: Harness) -> None:
    run = harness.run(lambda step: {"who": SECRET})
    report = harness.replay(run, lambda step: {"who": "nobody"}, token=SECRET)
    assert report.divergence is not None
    assert report.divergence.expected == "***"


@pytest.mark.parametrize("kind", ["error", "reason"])
def test_a_text_that_was_recorded_in_clear_is_the_same_as_the_masked_one(harness: Harness, kind: str) -> None:
    def do(step: fl.StepContext) -> Any:
        if kind == "reason":
            return fl.Pause(f"until {SECRET}")
        raise ValueError(f"no {SECRET}")

    run = harness.run(do)
    assert harness.replay(run, do, token=SECRET).ok


def test_an_input_that_cant_be_made_now_is_told_without_secrets(harness: Harness) -> None:
    node = {"id": "n", "type": "do", "data": {"x": "{{ globals.keys.gone }}"}}
    harness.ledger.workflows.save({"nodes": [node]}, workflow_id="keys", by="ada")
    run = harness.ledger.runs.start("keys", globals={"keys": {"gone": 1}}, by="ada")
    version = next(
        event.version for event in harness.ledger.history.events(run.id) if event.type == "run.step_completed"
    )
    with pytest.raises(fl.InvalidRequest, match="can't be made") as refused:
        harness.ledger.history.context_at(run.id, version, globals={"keys": {SECRET: 1}})
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
