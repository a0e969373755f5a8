"""A ledger with a run in it, and the story."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.web.story import Story, story

import flowledger as fl
from flowledger.testing import ManualClock, memory_ledger


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(clock: ManualClock) -> Iterator[fl.Ledger]:
    """A ledger with the workflow ``orders``, whose node ``review`` asks before ``ship`` is executed."""
    executors = fl.ExecutorRegistry()

    @executors.register("review")
    def review(step: fl.StepContext) -> Any:
        return {"approved": True} if step.answer is not None else fl.Pause(reason="ship it?")

    @executors.register("ship")
    def ship(step: fl.StepContext) -> Any:
        return {"shipped": True}

    definition = fl.WorkflowDefinition.model_validate(
        {
            "nodes": [{"id": "review", "type": "review", "data": {}}, {"id": "ship", "type": "ship", "data": {}}],
            "edges": [{"source": "review", "target": "ship"}],
        }
    )
    with memory_ledger(executors, clock=clock) as opened:
        opened.workflows.save(definition, workflow_id="orders", by="ada", message="first")
        yield opened


@pytest.fixture
def run(ledger: fl.Ledger) -> fl.Run:
    """A run that waits for its review."""
    return ledger.runs.start("orders", payload={"order_id": "o-1"}, by="webhook")


@pytest.fixture(scope="module")
def told() -> Iterator[Story]:
    """For tests that only look at it."""
    with story() as whole:
        yield whole
