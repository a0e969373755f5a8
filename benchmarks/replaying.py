"""Verifying runs of trivial steps by executing them again, beside the engine that executes them in memory."""

import statistics
import time
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

import flowledger as fl
from flowledger.infrastructure.operations.jobs import ReplayJob
from flowledger.infrastructure.operations.own_processes import work_in_processes

from .engine_lines import line
from .report import Row
from .rounds import Figure, interleaved, speed, warmed_up
from .servers import Stores

NODES = 1_000
RUNS, RUNS_QUICK = 100, 20
PROCESSES = 2
LEAST = 0.5
"""So fast each process is to be, compared with the engine in as many processes."""


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    return [
        row
        for backend in ("PostgreSQL", "SQLite")
        for row in _rows(backend, stores.new(backend), rounds, RUNS_QUICK if quick else RUNS)
    ]


def _rows(backend: str, url: str, rounds: int, runs: int) -> list[Row]:
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool, _filled(url, runs) as (ledger, run_ids):
        few = run_ids[:10]
        candidates = {
            "engine": partial(_engine, len(few)),
            "replay": partial(_one_by_one, ledger, few),
            "engines": lambda: statistics.mean(pool.map(_engine, [len(run_ids) // PROCESSES] * PROCESSES)),
            "replays": partial(_in_processes, url, run_ids),
        }
        figures = interleaved(warmed_up(candidates), rounds)
    return [
        _row(f"{backend}, one process", figures["replay"], figures["engine"]),
        _row(f"{backend}, each of {PROCESSES} processes", figures["replays"], figures["engines"]),
    ]


def _row(where: str, replay: Figure, engine: Figure) -> Row:
    ratio = speed(replay, engine)
    return Row(
        f"verify runs of {NODES:,} steps, {where}",
        str(ratio),
        f"≥ {LEAST} × the engine in memory",
        ratio.median >= LEAST,
        f"{replay} per step",
        str(engine),
        speeds={"flowledger": ratio.median},
        least=LEAST,
    )


@contextmanager
def _filled(url: str, runs: int) -> Generator[tuple[fl.Ledger, list[str]]]:
    with fl.open_ledger(url, _executors(), durability="batch") as ledger:
        ledger.workflows.save(line(NODES), workflow_id="line")
        yield ledger, [ledger.runs.start("line", step_limit=None).id for _ in range(runs)]


def _engine(runs: int) -> float:
    engine = fl.Engine(line(NODES), _executors())
    began = time.perf_counter()
    for _ in range(runs):
        assert engine.execute(step_limit=None).status == "completed"
    return (time.perf_counter() - began) / (runs * NODES)


def _one_by_one(ledger: fl.Ledger, run_ids: list[str]) -> float:
    began = time.perf_counter()
    for run_id in run_ids:
        assert ledger.history.replay(run_id).ok
    return (time.perf_counter() - began) / (len(run_ids) * NODES)


def _in_processes(url: str, run_ids: list[str]) -> float:
    """Seconds of one process per step, from when all of them are at work."""
    job = ReplayJob(partial(_open, url, get_context("spawn").Barrier(PROCESSES)))
    with closing(work_in_processes(job, run_ids, PROCESSES)) as outcomes:
        first = list(islice(outcomes, PROCESSES))  # these also join the definition with the executors
        began = time.perf_counter()
        others = list(islice(outcomes, len(run_ids) - len(first)))
        taken = time.perf_counter() - began
    assert all(isinstance(outcome, fl.ReplayReport) and outcome.ok for outcome in first + others)
    return taken * PROCESSES / (len(others) * NODES)


def _open(url: str, all_are_here: Barrier) -> fl.Ledger:
    """In each process."""
    ledger = fl.open_ledger(url, _executors(), create=False)
    all_are_here.wait()
    return ledger


def _executors() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    executors.register("echo")(_echo)
    return executors


def _echo(step: fl.StepContext) -> object:
    return step.data
