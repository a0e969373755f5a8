"""What users do to workers by mistake."""

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

import flowledger as fl

from .until import until

ONE = {"nodes": [{"id": "a", "type": "note", "data": {"text": "{{ globals.text }}"}}], "edges": []}
PLAIN = {"nodes": [{"id": "a", "type": "note"}], "edges": []}


def noting(effects: Counter[str]) -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    executors.register("note")(lambda step: effects.update([str(step.run_id)]))
    return executors


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("concurrency", [0, -1, True, 1.5, "8"]),
        ("lease", [0, -1.0, float("nan"), float("inf"), "30", 10**9]),
        ("grace", [-1, float("nan"), float("inf"), None]),
        ("limits", [["note"], {"note": 0}, {"note": True}, {1: 1}]),
        ("workflows", ["w", [1]]),
        ("name", ["", 7, "\0", "x" * 201]),
    ],
)
def test_options_that_mean_nothing_are_refused_by_name(option: str, values: list[Any]) -> None:
    with fl.open_ledger("memory:", noting(Counter())) as ledger:
        for value in values:
            for make in (ledger.worker, ledger.aworker):
                with pytest.raises(fl.FlowledgerError, match=option):
                    make(**{option: value})
        assert ledger.workers() == []


def test_two_workers_of_one_name_are_two(store_url: str) -> None:
    effects: Counter[str] = Counter()
    with fl.open_ledger(store_url, noting(effects)) as ledger:
        ledger.workflows.save(PLAIN, workflow_id="w")
        runs = [ledger.runs.start("w", wait=False).id for _ in range(10)]
        with ledger.worker(name="twin", concurrency=2), ledger.worker(name="twin", concurrency=2):
            until(lambda: len(ledger.workers()) == 2)
            until(lambda: all(ledger.runs.get(run).status == "completed" for run in runs))
            assert [worker.name for worker in ledger.workers()] == ["twin", "twin"]
        assert effects == dict.fromkeys(runs, 1)


@pytest.mark.exhaustive
def test_a_lease_that_is_shorter_than_a_step_is_renewed(store_url: str) -> None:
    effects: Counter[str] = Counter()
    executors = noting(effects)

    @executors.register("long")
    def long(step: fl.StepContext) -> None:
        effects.update([str(step.run_id)])
        since = seen()
        until(lambda: seen() - since > 3.0)
        assert not step.cancelled.is_set()

    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "long"}], "edges": []}, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
        holder = ledger.worker(name="holder", lease=3.0)

        def seen() -> float:
            (row,) = [row for row in ledger._store.leases.workers() if row.id == holder.id]
            return row.seen_at / 1e6

        with holder:
            until(lambda: effects)
            with ledger.worker(name="heir", lease=3.0):
                until(lambda: ledger.runs.get(run.id).status == "completed")
        assert effects == {run.id: 1}


def test_globals_that_cannot_be_supplied_are_said_once_and_hold_up_nobody_else(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    effects: Counter[str] = Counter()

    def supply(run: fl.Run) -> Mapping[str, Any]:
        if run.snapshot.metadata.get("bad"):
            raise LookupError("no such tenant")
        return {"text": "hello"}

    with fl.open_ledger(store_url, noting(effects), globals=supply) as ledger:
        ledger.workflows.save(ONE, workflow_id="w")
        bad = ledger.runs.start("w", wait=False, metadata={"bad": True})
        good = [ledger.runs.start("w", wait=False).id for _ in range(3)]
        with caplog.at_level(logging.WARNING, "flowledger.workers"), ledger.worker(concurrency=1):
            until(lambda: all(ledger.runs.get(run).status == "completed" for run in good))
        assert [event.type for event in ledger.history.events(bad.id)] == ["run.started"]
        said = [message for message in caplog.messages if "no such tenant" in message]
        assert len(said) == 1
        assert bad.id in said[0]
        assert set(effects) == set(good)
