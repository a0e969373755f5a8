"""What a run took from the record of another one is told twice: verify compares both, and an export has both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .stories import Story
from .test_contradictions import rewrite

PAY = {
    "nodes": [{"id": "price", "type": "price"}, {"id": "pay", "type": "pay"}],
    "edges": [{"source": "price", "target": "pay"}],
}


def executors(fails: list[bool]) -> fl.ExecutorRegistry:
    registry = fl.ExecutorRegistry()

    @registry.register("price")
    def price(step: fl.StepContext) -> Any:
        if fails:
            raise fl.NonRetryable("no price")

    registry.register("pay", effects=True)(lambda step: {"receipt": "r-1"})
    return registry


class Payments(Story):
    """Of a run that failed, a retry paid; a fork of the first one, made before, took that."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.ledger.close()
        self.fails = [True]
        self.ledger = fl.open_ledger(url, executors(self.fails))
        runs = self.ledger.runs
        self.ledger.workflows.save(PAY, workflow_id="w", by="ada")
        first = runs.start("w")
        fork = runs.fork(first.id, wait=False)
        self.fails.clear()
        paid = runs.retry(first.id)
        self.runs = {"first": first, "paid": paid, "fork": runs.proceed(fork.id)}


@pytest.fixture
def payments(durable_url: str) -> Iterator[Payments]:
    payments = Payments(durable_url)
    yield payments
    payments.close()


def test_an_outcome_that_its_source_tells_otherwise_is_found(payments: Payments) -> None:
    assert payments.found() == []
    fork, paid = payments.runs["fork"].id, payments.runs["paid"].id
    rewrite(payments, fork, lambda body: body.replace(b"r-1", b"r-2"))
    assert [finding for finding in payments.ledger.verify().findings if finding.kind == "reference"] == [
        fl.Finding(fork, 5, "reference", f"it took its outcome from version 3 of run {paid!r}, which says otherwise")
    ]


def test_an_outcome_whose_source_is_gone_is_found(payments: Payments) -> None:
    paid = payments.runs["paid"].id
    payments.remove(f"originator_id = '{paid}' AND originator_version = 3")
    fork = payments.runs["fork"].id
    assert (fork, 5, "reference") in payments.found()


def test_an_export_has_the_runs_whose_outcomes_were_taken(payments: Payments, tmp_path: Path) -> None:
    """The retry was added to the work order after the fork was: only the fork's step names it."""
    fork, paid = payments.runs["fork"].id, payments.runs["paid"].id
    payments.ledger.history.export(fork, tmp_path / "fork.jsonl")
    with fl.open_ledger("memory:") as other:
        other.history.import_(tmp_path / "fork.jsonl")
        assert other.verify(deep=True).ok
        assert other.runs.get(paid).status == "completed"
