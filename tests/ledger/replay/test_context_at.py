"""What a recorded step was given, handed to a notebook or a test."""

from typing import Any

import pydantic
import pytest

import flowledger as fl

from .harness import VERSIONS, book, opened_with, price, registry, run_of_all, written


def test_a_step_is_given_again_what_it_was_given(ledger: fl.Ledger, run: fl.Run) -> None:
    before = written(ledger)
    step = ledger.history.context_at(run.id, VERSIONS["price"])
    assert (step.node.id, step.data, step.payload) == (
        "price",
        {"items": [80, 40], "currency": "EUR"},
        {"items": [80, 40]},
    )
    assert (step.attempt, step.runs, step.run_id, step.workflow_id) == (1, 0, run.id, "orders")
    assert price(step)["total"] == 120
    assert written(ledger) == before


async def test_the_context_is_that_of_the_version_before(ledger: fl.Ledger, run: fl.Run) -> None:
    first, second = ledger.history.context_at(run.id, 7), await ledger.history.acontext_at(run.id, 9)
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.idempotency_key == second.idempotency_key == f"{run.id}:book:1"
    assert ("book" in first.context, len(second.context["book"])) == (False, 1)
    assert await book(second) == run.snapshot.context["book"][-1].output
    asked = ledger.history.context_at(run.id, VERSIONS["ask"])
    resumed = ledger.history.context_at(run.id, 6)
    assert (asked.payload, resumed.payload) == (None, {"approved": True})


def test_a_ledger_without_executors_gives_it_too(ledger: fl.Ledger, run: fl.Run) -> None:
    step = opened_with(ledger, None).history.context_at(run.id, VERSIONS["price"])
    assert step.data == {"items": [80, 40], "currency": "EUR"}
    with pytest.raises(TypeError, match="read-only"):
        step.data["items"] = []


class Auth(pydantic.BaseModel):
    """An input schema."""

    token: str


def test_values_from_globals_are_masked_unless_they_are_given(ledger: fl.Ledger) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("call", input=Auth)(lambda step: len(step.input.token))
    harness = opened_with(ledger, executors)
    harness.workflows.save(
        {"nodes": [{"id": "n", "type": "call", "data": {"token": "{{ globals.token }}"}}]}, workflow_id="calls"
    )
    run = harness.runs.start("calls", globals={"token": "tr0ub4dor"})
    masked = harness.history.context_at(run.id, 2)
    assert (masked.data, masked.input, dict(masked.globals)) == ({"token": "***"}, Auth(token="***"), {})
    clear = harness.history.context_at(run.id, 2, globals={"token": "tr0ub4dor"})
    assert (clear.data, clear.input) == ({"token": "tr0ub4dor"}, Auth(token="tr0ub4dor"))


def test_what_is_no_step_says_which_is_the_next(ledger: fl.Ledger, run: fl.Run) -> None:
    for version, hint in ((1, "the next one is version 2"), (5, "the next one is version 6")):
        with pytest.raises(fl.InvalidRequest, match=hint):
            ledger.history.context_at(run.id, version)
    with pytest.raises(fl.InvalidRequest, match="there is none after it"):
        ledger.history.context_at(ledger.runs.start("orders", wait=False).id, 1)
    with pytest.raises(fl.VersionNotFound, match="its versions are 1 to 10"):
        ledger.history.context_at(run.id, 11)
    with pytest.raises(fl.VersionNotFound):
        ledger.history.context_at(run.id, 0)
    with pytest.raises(fl.InvalidRequest, match="not a whole number"):
        ledger.history.context_at(run.id, "2")  # type: ignore[arg-type]
    with pytest.raises(fl.RunNotFound):
        ledger.history.context_at("nobody", 2)


def test_a_step_whose_input_could_not_be_made_was_given_nothing(ledger: fl.Ledger) -> None:
    nodes: list[dict[str, Any]] = [{"id": "n", "type": "price", "data": {"items": "{{ nodes.nobody.last }}"}}]
    ledger.workflows.save({"nodes": nodes}, workflow_id="broken")
    run = ledger.runs.start("broken")
    assert run.status == "failed"
    with pytest.raises(fl.InvalidRequest, match="its input can't be made"):
        ledger.history.context_at(run.id, 2)


def test_a_run_of_a_past_with_checkpoints_gives_the_same(durable_url: str) -> None:
    with fl.open_ledger(durable_url, registry(), checkpoint_every=2) as ledger:
        run = run_of_all(ledger)
        ledger.history.snapshot(run.id)
        step = ledger.history.context_at(run.id, VERSIONS["end"])
        assert {node_id: len(results) for node_id, results in step.context.items()} == {
            "price": 1,
            "decide": 1,
            "ask": 1,
            "book": 2,
        }
        assert ledger.history.replay(run.id).ok
