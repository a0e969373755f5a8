"""A workflow that people edit, and their visits."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.web.editing.desk import Desk

import flowledger as fl
from flowledger.testing import ManualClock, memory_ledger

DEFINITION: dict[str, Any] = {
    "nodes": [
        {"id": "take", "type": "work", "data": {"x": 1}},
        {"id": "ship", "type": "work", "data": {"y": "é\u202e"}, "retry": {"maxRetries": 1}},
        {"id": "tell", "type": "work", "data": {}, "code": "a = 1\nb = 2\n"},
    ],
    "edges": [{"source": "take", "target": "ship"}, {"source": "ship", "target": "tell"}],
}


@pytest.fixture
def ledger(clock: ManualClock) -> Iterator[fl.Ledger]:
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: step.data)
    with memory_ledger(executors, clock=clock) as opened:
        opened.workflows.save(DEFINITION, workflow_id="orders", by="ada", message="first")
        yield opened


@pytest.fixture
def desk(ledger: fl.Ledger) -> Desk:
    return Desk(ledger)
