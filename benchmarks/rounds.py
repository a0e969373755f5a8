"""How all is measured: the candidates in turn, round after round, so that a noisy machine slows all alike."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Seconds per unit of work over the rounds."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median * 1e6:,.1f} µs [{self.least * 1e6:,.1f} … {self.most * 1e6:,.1f}]"


def interleaved(candidates: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Figure]:
    """Call each candidate once a round, after one round of warm-up. It returns seconds per unit of its work."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(rounds + 1):
        for name, candidate in candidates.items():
            seconds = candidate()
            if turn:
                taken[name].append(seconds)
    return {name: Figure(statistics.median(times), min(times), max(times)) for name, times in taken.items()}
