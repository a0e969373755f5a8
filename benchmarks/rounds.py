"""How all is measured: the contestants in turn, round after round, so that a noisy machine slows all alike."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Seconds per unit of work, one number a round."""

    times: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    def __str__(self) -> str:
        low, high = _quartiles(self.times)
        return f"{self.median * 1e6:,.1f} µs [{low * 1e6:,.1f} … {high * 1e6:,.1f}]"


@dataclass(frozen=True)
class Ratio:
    """How fast one contestant was compared with another, round by round: 0.5 is half as fast.

    Its text is the median and, in brackets, what half of the rounds lie between.
    """

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    def __str__(self) -> str:
        low, high = _quartiles(self.rounds)
        return f"{self.median:.3g} × [{low:.2g} … {high:.2g}]"


def _quartiles(values: tuple[float, ...]) -> tuple[float, float]:
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def speed(contestant: Figure, limit: Figure) -> Ratio:
    """The contestant's speed in units of the limit's. Rounds are compared one by one: noise is slow to change."""
    return Ratio(tuple(best / time for best, time in zip(limit.times, contestant.times, strict=True)))


def interleaved(candidates: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Figure]:
    """Call each candidate once a round. It returns seconds per unit of its work. All should be warm."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, candidate in candidates.items():
            taken[name].append(candidate())
    return {name: Figure(tuple(times)) for name, times in taken.items()}


def warmed_up(candidates: Mapping[str, Callable[[], float]]) -> Mapping[str, Callable[[], float]]:
    """The same candidates, after each was called once."""
    for candidate in candidates.values():
        candidate()
    return candidates
