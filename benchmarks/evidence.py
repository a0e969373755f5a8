"""The tree over all events, checkpoints and proofs of it, and checking a store beside verifying it."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import orjson

import flowledger as fl
from flowledger.infrastructure.storage.verify import verify

from .report import Row
from .servers import Stores
from .systems import ours

EVENTS = 1_000_000
QUICK = 50_000
PROOFS = 50

executors = fl.ExecutorRegistry()


@executors.register("work")
def work(step: fl.StepContext) -> dict[str, str]:
    return {"said": "x" * 60}


LINE = {
    "nodes": [{"id": name, "type": "work"} for name in "abcdef"],
    "edges": [{"source": source, "target": target} for source, target in zip("abcde", "bcdef", strict=True)],
}


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    return [row for backend in ("PostgreSQL", "SQLite") for row in _evidence(stores, backend, rounds, quick)]


def _evidence(stores: Stores, backend: str, rounds: int, quick: bool) -> list[Row]:
    url, events = stores.new(backend), QUICK if quick else EVENTS
    ours.store_run(url, "long", events)
    with fl.open_ledger(url, executors) as ledger, TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        ledger.evidence.keygen(key, "example.com/benchmark")
        cpu, (first, signed) = time.process_time(), _timed(lambda: ledger.evidence.checkpoint(key))
        cpu = time.process_time() - cpu
        ledger.workflows.save(LINE, workflow_id="line")
        run = ledger.runs.start("line")
        again, signed = _timed(lambda: ledger.evidence.checkpoint(key))
        proving = [_timed(lambda: ledger.evidence.prove(run.id)) for _ in range(PROOFS)]
        prove, proof = median(took for took, _ in proving), proving[0][1]
        beyond = len(proof) - sum(len(event["data"]) for event in _stored(ledger, run.id))
        ratios = []
        for _ in range(rounds):
            checking, report = _timed(lambda: ledger.evidence.check(signed))
            # Along the chains alone, the quickest part of what verify does: that of more would flatter.
            verifying, _ = _timed(lambda: verify(ledger._store))
            assert report.ok
            ratios.append(verifying / checking)
    each, speed = first / events * 1e6, median(ratios)
    return [
        _row(
            f"an event in the tree, {backend}",
            each,
            "µs",
            10,
            f"off the write path; {cpu / events * 1e6:.1f} µs are ours",
        ),
        _row(f"a checkpoint of {signed.size:,} events after the first, {backend}", again * 1e3, "ms", 1_000, ""),
        _row(f"a proof of a run of six steps, {backend}", prove * 1e3, "ms", 5, f"{beyond:,} bytes beyond the bodies"),
        Row(
            f"checking {events:,} events, {backend}",
            f"{speed:.2f} × the speed of verify's chains",
            "≥ 0.5 ×",
            met=speed >= 0.5,
        ),
    ]


def _row(what: str, figure: float, unit: str, most: float, detail: str) -> Row:
    return Row(what, f"{figure:.1f} {unit}", f"≤ {most:,} {unit}", met=figure <= most, detail=detail)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def _stored(ledger: fl.Ledger, run_id: str) -> list[dict[str, Any]]:
    """The bodies of the run and of its workflow's save, as they are stored."""
    streams = (run_id, "workflow:line")
    return [{"data": orjson.dumps(event.data)} for stream in streams for event in ledger.history.events(stream)]
