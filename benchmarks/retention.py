"""How fast a policy takes runs away, what that costs those who write meanwhile, and what the disk gets back."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from threading import Event, Thread
from urllib.parse import urlsplit

import flowledger as fl

from .report import Row
from .servers import Stores

RUNS = 20_000
QUICK = 2_000
NODES = 5
WRITERS = 8
SLICES = 10
"""Retention works in so many calls, in a process of its own, as an operator's command does. Between two it pauses for
as long, so that writers are measured with it and without."""

executors = fl.ExecutorRegistry()


@executors.register("work")
def work(step: fl.StepContext) -> dict[str, str]:
    return {"said": "x" * 300}


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    rows: list[Row] = []
    for backend in ("PostgreSQL", "SQLite"):
        rows += _of(stores.new(backend), backend, QUICK if quick else RUNS)
    return rows


def _of(url: str, backend: str, runs: int) -> list[Row]:
    with fl.open_ledger(url, executors, durability="batch") as ledger:
        ledger.workflows.save(_line(), workflow_id="line")
        _at_once([lambda: _start(ledger, runs // WRITERS)] * WRITERS)
        half = runs // 2
        began = time.perf_counter()
        alone = ledger.retention.apply(fl.RetentionPolicy(keep_last=runs - half // 2), by="ops")
        took = time.perf_counter() - began
        before = _size(url)
        with _elsewhere(url) as apply:
            slower, events = _beside_writers(ledger, apply, half, half // 2)
        return [
            Row(
                f"retention of {alone.runs:,} runs, {backend}",
                f"{alone.events / took:,.0f} events a second",
                "≥ 20,000",
                met=alone.events / took >= 20_000,
                detail=f"{took:.1f} s",
            ),
            Row(
                f"starts by {WRITERS} threads while retention works, {backend}",
                f"{slower:.2f} × those without",
                "≥ 0.9 ×",
                met=slower >= 0.9,
                detail=f"{events:,.0f} events went a second"
                + ("" if before is None else f"; {before / 2**20:.0f} MiB, then {(_size(url) or 0) / 2**20:.0f}"),
            ),
        ]


@contextmanager
def _elsewhere(url: str) -> Generator[Callable[[fl.RetentionPolicy], int]]:
    """What applies a policy in another process, and returns how many events went."""
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_serve, args=(url, there))
    process.start()
    assert here.recv() == "ready"

    def apply(policy: fl.RetentionPolicy) -> int:
        here.send(policy)
        events: int = here.recv()
        return events

    yield apply
    here.send(None)
    process.join()


def _serve(url: str, commands: Connection) -> None:
    with fl.open_ledger(url) as ledger:
        commands.send("ready")
        while (policy := commands.recv()) is not None:
            commands.send(ledger.retention.apply(policy, by="ops").events)


def _beside_writers(
    ledger: fl.Ledger, apply: Callable[[fl.RetentionPolicy], int], keep: int, remove: int
) -> tuple[float, float]:
    """How many starts a second there are beside retention, in those without, and how many events went a second; the
    medians of slices."""
    counts = [0] * WRITERS
    over = Event()

    def write(number: int) -> None:
        while not over.is_set():
            ledger.runs.start("line")
            counts[number] += 1

    writers = [Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    ratios: list[float] = []
    removed: list[float] = []
    for number in range(1, SLICES + 1):
        policy = fl.RetentionPolicy(keep_last=sum(counts) + keep + remove - number * (remove // SLICES))
        beside, took = _rate(counts, lambda policy=policy: removed.append(apply(policy)))  # type: ignore[misc]
        removed[-1] /= took
        without, _ = _rate(counts, lambda took=took: over.wait(took))  # type: ignore[misc]
        ratios.append(beside / without)
    over.set()
    for writer in writers:
        writer.join()
    return median(ratios), median(removed)


def _rate(counts: list[int], act: Callable[[], object]) -> tuple[float, float]:
    began, first = time.perf_counter(), sum(counts)
    act()
    took = time.perf_counter() - began
    return (sum(counts) - first) / took, took


def _at_once(acts: list[Callable[[], object]]) -> None:
    threads = [Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _start(ledger: fl.Ledger, runs: int) -> None:
    for number in range(runs):
        ledger.runs.start("line", payload={"n": number})


def _size(url: str) -> int | None:
    return Path(urlsplit(url).path).stat().st_size if url.startswith("sqlite") else None


def _line() -> fl.WorkflowDefinition:
    nodes = [{"id": f"n{number}", "type": "work"} for number in range(NODES)]
    edges = [{"source": f"n{number}", "target": f"n{number + 1}"} for number in range(NODES - 1)]
    return fl.WorkflowDefinition.model_validate({"nodes": nodes, "edges": edges})
