"""flowledger's workers: each process executes queued runs, claimed in lots, on one event loop."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import pairwise

import flowledger as fl

from ..fleet import STEPS, fleet, runs_from_start_to_end
from ..workers import Work
from .ours import OUTPUT

CONCURRENCY = 100
"""Runs at once in a process: those that wait for a commit share it."""
OPEN = "SELECT count(*) FROM flowledger_index_runs WHERE status = 'active'"
WORKFLOW = "line"


@contextmanager
def queued_runs(url: str, workers: int) -> Generator[Work]:
    """Each unit is a step of a run that was started with ``wait=False``."""
    with fl.open_ledger(url) as ledger, asyncio.Runner() as runner:
        save_line(ledger)

        async def start(runs: int) -> None:
            await asyncio.gather(*(ledger.runs.astart(WORKFLOW, wait=False) for _ in range(runs)))

        def queue(runs: int) -> None:
            runner.run(start(runs))

        with fleet(_serve, url, workers) as crew, runs_from_start_to_end(crew, url, queue, OPEN) as work:
            yield work


def save_line(ledger: fl.Ledger) -> None:
    """The workflow of as many steps as the other systems' runs have."""
    names = [f"step-{number}" for number in range(STEPS)]
    ledger.workflows.save(
        {
            "nodes": [{"id": name, "type": "step"} for name in names],
            "edges": [{"source": a, "target": b} for a, b in pairwise(names)],
        },
        workflow_id=WORKFLOW,
    )


def executors() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()

    @executors.register("step")
    async def step(step: fl.StepContext) -> str:
        return OUTPUT

    return executors


def _serve(url: str, ready: Callable[[], None]) -> None:
    async def serve() -> None:
        async with fl.open_ledger(url, executors()) as ledger, ledger.aworker(concurrency=CONCURRENCY):
            ready()
            await asyncio.Event().wait()

    asyncio.run(serve())
