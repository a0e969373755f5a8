"""What the tests of the ledger share: a ledger whose one executor does what the test says, definitions, marks."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import flowledger as fl

LIMIT = 10_000
"""Bytes of one value."""

N = {"id": "a", "type": "do"}

GOOD = {"nodes": [{"id": "only", "type": "do"}]}


class Harness:
    """A ledger whose one executor does what the test says."""

    def __init__(self, url: str) -> None:
        self.do: Callable[[fl.StepContext], Any] = lambda step: None
        self.executors = fl.ExecutorRegistry()
        self.executors.register("do")(lambda step: self.do(step))
        self.ledger = fl.open_ledger(url, self.executors, max_value_bytes=LIMIT)
        self.ledger.workflows.save(GOOD, workflow_id="w", by="ada")

    def start(self, do: Callable[[fl.StepContext], Any], **given: Any) -> fl.Run:
        self.do = do
        return self.ledger.runs.start("w", **given)

    def written(self) -> int:
        return self.ledger.verify().events


def raiser(error: BaseException) -> Callable[[fl.StepContext], Any]:
    def do(step: fl.StepContext) -> Any:
        raise error

    return do


def line(*ids: str, **more: Any) -> dict[str, Any]:
    edges = [{"source": source, "target": target} for source, target in pairwise(ids)]
    return {"nodes": [{"id": node, "type": "do"} for node in ids], "edges": edges, **more}


def cycle_of(first: str, second: str) -> dict[str, Any]:
    definition = line(first, second)
    return definition | {"edges": [*definition["edges"], {"source": second, "target": first}]}


def policy(**retry: Any) -> dict[str, Any]:
    return {"nodes": [N | {"metadata": {"retry": retry}}]}


def deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value
