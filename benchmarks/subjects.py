"""A durable step of a run that belongs to a subject, beside the same step of one that doesn't."""

import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import flowledger as fl

from .report import Row
from .servers import Stores

STEPS = 200
QUICK = 100
BYTES = (100, 1_000, 10_000)

executors = fl.ExecutorRegistry()


@executors.register("work")
def work(step: fl.StepContext) -> dict[str, str]:
    return {"said": "x" * step.data["bytes"]}


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    steps = QUICK if quick else STEPS
    return [
        _beside(stores.new(backend), backend, bytes, steps, rounds)
        for backend in ("PostgreSQL", "SQLite")
        for bytes in BYTES
    ]


def _beside(url: str, backend: str, bytes: int, steps: int, rounds: int) -> Row:
    with TemporaryDirectory() as folder:
        ring = fl.KeyRing.generate(Path(folder) / "ring.json")
        with fl.open_ledger(url, executors, keys=ring) as ledger:
            ledger.workflows.save(_line(bytes, steps), workflow_id="line")
            for subject in (None, "customer:42"):
                _took(ledger, subject, steps)
            pairs = [_pair(ledger, steps, first=number % 2 == 0) for number in range(rounds)]
    without, with_one = (median(side) for side in zip(*pairs, strict=True))
    ratio = median(plain / sealed for plain, sealed in pairs)
    return Row(
        f"a step of a subject's run, {bytes:,} bytes, {backend}",
        f"{ratio:.2f} × the speed of one without",
        "≥ 0.9 ×",
        met=ratio >= 0.9,
        detail=f"{with_one * 1e6:.0f} µs beside {without * 1e6:.0f}",
    )


def _pair(ledger: fl.Ledger, steps: int, *, first: bool) -> Sequence[float]:
    """Seconds a step without and with a subject, one right behind the other."""
    order = (None, "customer:42") if first else ("customer:42", None)
    took = {subject: _took(ledger, subject, steps) for subject in order}
    return took[None], took["customer:42"]


def _took(ledger: fl.Ledger, subject: str | None, steps: int) -> float:
    run = ledger.runs.start("line", subject=subject, wait=False)
    began = time.perf_counter()
    assert ledger.runs.proceed(run.id).status == "completed"
    return (time.perf_counter() - began) / steps


def _line(bytes: int, steps: int) -> dict[str, object]:
    names = [f"n{number}" for number in range(steps)]
    return {
        "nodes": [{"id": name, "type": "work", "data": {"bytes": bytes}} for name in names],
        "edges": [{"source": source, "target": target} for source, target in pairwise(names)],
    }
