"""flowledger: the append alone, whole steps through the public API, and what is read of the past."""

import asyncio
import os
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Literal

import flowledger as fl
from flowledger.domain.ports import NewEvent, Write
from flowledger.infrastructure.ledger.stores import open_store

from ..workers import Work
from .raw import versions

WORKFLOW = "steps"
OUTPUT = "m" * 100


# --- writing ----------------------------------------------------------------------------------------------------------


@contextmanager
def append(url: str, output_bytes: int = 100) -> Generator[Work]:
    """Each unit is one event of a step, appended by itself."""
    store = open_store(url)
    event = _step("m" * output_bytes)

    def work(units: int) -> float:
        stream = os.urandom(8).hex()
        store.append(Write(stream, 0, [event]))
        began = time.perf_counter()
        for version in range(1, units + 1):
            store.append(Write(stream, version, [event]))
        return time.perf_counter() - began

    try:
        yield work
    finally:
        store.close()


@contextmanager
def steps(url: str, durability: Literal["step", "batch"] = "step") -> Generator[Work]:
    """Each unit is a step of one run, from ``runs.start`` to its end."""
    with _ledger(url, durability=durability) as ledger:

        def work(units: int) -> float:
            began = time.perf_counter()
            _run(ledger, units)
            return time.perf_counter() - began

        yield work


@contextmanager
def runs_on_threads(url: str, runs: int) -> Generator[Work]:
    """Each unit is a step of one of so many runs, each on a thread of its own."""
    with _ledger(url) as ledger, ThreadPoolExecutor(runs) as pool:

        def work(units: int) -> float:
            began = time.perf_counter()
            for started in [pool.submit(_run, ledger, units // runs) for _ in range(runs)]:
                started.result()
            return time.perf_counter() - began

        yield work


@contextmanager
def runs_on_one_loop(url: str, runs: int) -> Generator[Work]:
    """Each unit is a step of one of so many runs with async executors, gathered on one event loop."""
    with _ledger(url, is_async=True) as ledger, asyncio.Runner() as runner:

        async def gathered(steps: int) -> None:
            started = [ledger.runs.astart(WORKFLOW, globals={"steps": steps}, step_limit=None) for _ in range(runs)]
            for run in await asyncio.gather(*started):
                assert run.status == "completed"

        def work(units: int) -> float:
            began = time.perf_counter()
            runner.run(gathered(units // runs))
            return time.perf_counter() - began

        yield work


@contextmanager
def missed_by_a_tail(url: str) -> Generator[Work]:
    """Follows the log while others write so many events, and returns how many of them it has not seen in the end."""
    store = open_store(url)
    position = 0

    def work(units: int) -> float:
        nonlocal position
        seen = 0
        give_up = time.monotonic() + 60
        while seen < units and time.monotonic() < give_up:
            for event in store.tail(after=position):
                position, seen = event.position, seen + 1
            time.sleep(0.005)  # a reader that never rests would measure itself
        return units - seen

    try:
        yield work
    finally:
        store.close()


# --- reading ----------------------------------------------------------------------------------------------------------


@contextmanager
def replay(url: str, run_id: str) -> Generator[Work]:
    """Each unit folds a run's whole stream into a Snapshot; no checkpoint is kept or used."""
    with fl.open_ledger(url, checkpoint_every=None) as ledger:

        def work(units: int) -> float:
            began = time.perf_counter()
            for _ in range(units):
                assert ledger.history.snapshot(run_id).status == "completed"
            return time.perf_counter() - began

        yield work


@contextmanager
def snapshot_at(url: str, run_id: str, events: int) -> Generator[Work]:
    """Each unit is the whole Snapshot at one version, as everyone gets it: checkpoints are kept and used."""
    with fl.open_ledger(url) as ledger:
        places = versions(events)

        def work(units: int) -> float:
            began = time.perf_counter()
            for version in islice(places, units):
                assert ledger.history.snapshot(run_id, version).workflow_id == WORKFLOW
            return time.perf_counter() - began

        yield work


@contextmanager
def header_at(url: str, run_id: str, events: int) -> Generator[Work]:
    """Each unit is status, node, attempt and times at one version."""
    with fl.open_ledger(url) as ledger:
        places = versions(events)

        def work(units: int) -> float:
            began = time.perf_counter()
            for version in islice(places, units):
                assert ledger.history.header(run_id, version).version == version
            return time.perf_counter() - began

        yield work


@contextmanager
def every_snapshot(url: str, run_id: str, *, look: bool = False) -> Generator[Work]:
    """Each unit is one pass over the Snapshots at all versions of a run, with a ``look`` at their newest outputs."""
    with fl.open_ledger(url) as ledger:

        def work(units: int) -> float:
            began = time.perf_counter()
            for _ in range(units):
                if look:
                    outputs = [_newest_output(snapshot) for snapshot in ledger.history.snapshots(run_id)]
                    assert outputs[-1] == OUTPUT
                else:
                    statuses = [(snapshot.version, snapshot.status) for snapshot in ledger.history.snapshots(run_id)]
                    assert statuses[-1] == (len(statuses), "completed")
            return time.perf_counter() - began

        yield work


def _newest_output(snapshot: fl.Snapshot) -> object:
    results = snapshot.context.get("step")
    return results[-1].output if results else None


# --- what the above work on -------------------------------------------------------------------------------------------


def store_run(url: str, run_id: str, events: int) -> None:
    """Store a run of so many events: the start, and steps whose output is OUTPUT. The same events in every store."""
    with _ledger("memory:") as ledger:
        run = _run(ledger, 3)
        first, middle, _, last = (NewEvent(event.type, event.data) for event in ledger.history.events(run.id))
    between = iter([middle] * (events - 2))
    store = open_store(url)
    store.append(Write(run_id, 0, [first]))
    version = 1
    while batch := list(islice(between, 5_000)):
        store.append(Write(run_id, version, batch))
        version += len(batch)
    store.append(Write(run_id, version, [last]))
    store.close()


def _ledger(url: str, *, is_async: bool = False, durability: Literal["step", "batch"] = "step") -> fl.Ledger:
    ledger = fl.open_ledger(url, _executors(is_async), durability=durability)
    ledger.workflows.save(
        {
            "nodes": [{"id": "step", "type": "step"}, {"id": "end", "type": "step"}],
            "edges": [
                {"source": "step", "target": "step", "sourceHandle": "more"},
                {"source": "step", "target": "end", "sourceHandle": "done"},
            ],
            "start": "step",
        },
        workflow_id=WORKFLOW,
    )
    return ledger


def _run(ledger: fl.Ledger, steps: int) -> fl.Run:
    run = ledger.runs.start(WORKFLOW, globals={"steps": steps}, step_limit=None)
    assert run.status == "completed"
    return run


def _executors(is_async: bool) -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()

    def step(step: fl.StepContext) -> fl.StepResult:
        if step.node.id == "end":
            return fl.StepResult(OUTPUT)
        return fl.StepResult(OUTPUT, "more" if step.runs + 2 < step.globals["steps"] else "done")

    async def astep(context: fl.StepContext) -> fl.StepResult:
        return step(context)

    executors.register("step")(astep if is_async else step)
    return executors


def _step(output: str) -> NewEvent:
    now = time.time_ns() // 1_000_000
    body = {
        "recorded_at": now,
        "by": "benchmark",
        "node_id": "step",
        "attempt": 1,
        "started_at": now,
        "spent": 0,
        "output": output,
        "handle": "more",
        "next_node_id": "step",
    }
    return NewEvent("run.step_completed", body)
