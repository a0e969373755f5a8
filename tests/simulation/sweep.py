"""Many seeds, in several processes."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from .faults import KINDS
from .simulation import Case, Result, simulate

POINTS = (
    "append",
    "appended",
    "head",
    "header",
    "beginning",
    "read",
    "read backwards",
    "events at",
    "index",
    "execute",
    "effect",
    "lot",
    "workers",
    "condition",
    "lock",
    "sleep",
    "wait",
    "refused",
)
"""The kinds of switch points."""

EACH = 50
"""One in so many seeds runs twice, and must do the same."""


@dataclass
class Sweep:
    """What came of many seeds."""

    seeds: int = 0
    steps: int = 0
    failures: list[Result] = field(default_factory=list)
    points: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        self.seeds += 1
        self.steps += result.steps
        self.points += result.points
        self.struck += result.struck
        self.told += result.told
        if result.failure is not None:
            self.failures.append(result)

    def never_happened(self) -> list[str]:
        """Switch points and faults that none of the seeds came to: what isn't tried proves nothing."""
        return [kind for kind in POINTS if not self.points[kind]] + [kind for kind in KINDS if not self.struck[kind]]

    def join(self, other: "Sweep") -> None:
        self.seeds += other.seeds
        self.steps += other.steps
        self.failures += other.failures
        self.points += other.points
        self.struck += other.struck
        self.told += other.told


def run_seeds(seeds: Iterable[int]) -> Sweep:
    """In this process."""
    sweep = Sweep()
    for seed in seeds:
        result = simulate(Case(seed))
        if seed % EACH == 0 and result.failure is None:
            again = simulate(Case(seed)).trace
            if again != result.trace:
                result.failure = f"it doesn't do the same again: {result.trace}, then {again}"
        result.switches.clear()
        sweep.add(result)
    return sweep


def run_in_processes(first: int, count: int, processes: int | None = None) -> Iterator[Sweep]:
    """Part by part, as they are done."""
    parts = [range(start, min(start + EACH, first + count)) for start in range(first, first + count, EACH)]
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=get_context("forkserver")) as pool:
        yield from pool.map(run_seeds, parts)
