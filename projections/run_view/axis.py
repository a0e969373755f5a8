"""A time axis that is broken where nothing happened: both sides keep one scale."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

Interval = tuple[int, int]
"""From and until, in microseconds since 1970."""

IDLE: Final = 0.08
"""The part of the busy time that an idle stretch may be as long as, and still be drawn to scale."""
BAND: Final = 10.0
"""Percent of the axis that a break takes."""
BANDS: Final = 40.0
"""Percent that all breaks take at most."""
TICKS: Final = 4
"""Ticks that the whole axis has, about."""
LABEL: Final = 14.0
"""Percent that the label of a moment takes at least, and a tick stays away from it."""
_NARROW: Final = 8.0


@dataclass(frozen=True, slots=True)
class Break:
    """A stretch that is cut out."""

    start: int
    end: int
    x: float
    """Percent of the axis at which its band begins."""
    width: float

    @property
    def length(self) -> int:
        """Microseconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Tick:
    """A line with a label: of a moment where a stretch begins, else of how long after that it stands."""

    x: float
    at: int | None
    """Microseconds since 1970."""
    after: int
    """Microseconds since the stretch began; 0 for a moment."""


@dataclass(frozen=True, slots=True)
class Axis:
    """From moments to percent of a width."""

    knots: tuple[tuple[int, float], ...]
    """Moments and where they are; straight between them."""
    breaks: tuple[Break, ...]
    ticks: tuple[Tick, ...]
    scaled: int
    """Microseconds that are drawn to scale."""

    def x(self, at: int) -> float:
        """Where a moment is: 0 to 100. What is beyond an end is at that end."""
        place = bisect_right(self.knots, at, key=lambda knot: knot[0])
        if place == 0:
            return self.knots[0][1]
        if place == len(self.knots):
            return self.knots[-1][1]
        (before, left), (after, right) = self.knots[place - 1], self.knots[place]
        return left + (right - left) * (at - before) / (after - before)


def broken_axis(start: int, end: int, busy: Iterable[Interval]) -> Axis:
    """The axis from ``start`` to ``end``, broken in the longer of the stretches that aren't in ``busy``."""
    end = max(start, end)
    worked = _merge(busy, start, end)
    active = sum(until - since for since, until in worked)
    edges = [start, *(edge for interval in worked for edge in interval), end]
    gaps = [
        (since, until) for since, until in zip(edges[::2], edges[1::2], strict=True) if until - since > active * IDLE
    ]
    scaled = end - start - sum(until - since for since, until in gaps)
    width = 0.0
    if gaps:
        width = min(BAND, BANDS / len(gaps)) if scaled else 100.0 / len(gaps)
    unit = (100.0 - width * len(gaps)) / scaled if scaled else 0.0
    return _draw(start, end, gaps, width, unit, scaled)


def _merge(intervals: Iterable[Interval], start: int, end: int) -> list[Interval]:
    """What the intervals cover between two moments, in order."""
    merged: list[Interval] = []
    for since, until in sorted((max(start, since), min(end, until)) for since, until in intervals):
        if until < since:
            continue
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((since, until))
    return merged


def _draw(start: int, end: int, gaps: Sequence[Interval], width: float, unit: float, scaled: int) -> Axis:
    knots, breaks, stretches = [(start, 0.0)], [], []
    at, x = start, 0.0
    for since, until in gaps:
        there = x + (since - at) * unit
        stretches.append((at, x, there))
        breaks.append(Break(since, until, there, width))
        knots += [(since, there), (until, there + width)]
        at, x = until, there + width
    last = x + (end - at) * unit
    stretches.append((at, x, last))
    knots.append((end, last))
    distinct = [knot for knot, following in pairwise(knots) if knot[0] < following[0]]
    ticks = tuple(_ticks(stretches, unit, scaled))
    return Axis((*distinct, knots[-1]), tuple(breaks), ticks, scaled)


def _ticks(stretches: Sequence[tuple[int, float, float]], unit: float, scaled: int) -> Iterator[Tick]:
    step = _round_step(scaled // TICKS) if scaled else 0
    free = 0.0
    for at, x, until in stretches:
        if x < free or x > 100.0 - _NARROW:
            continue
        yield Tick(x, at, 0)
        free = x + LABEL
        if not step:
            continue
        for number in range(1, round((until - x) / unit) // step + 1):
            place = x + number * step * unit
            if place >= free and place <= until - _NARROW:
                yield Tick(place, None, number * step)
                free = place + _NARROW


def _round_step(micros: int) -> int:
    """The next of the lengths that people count in."""
    return next((step for step in _STEPS if step >= micros), _days(micros))


def _days(micros: int) -> int:
    return -(-micros // _DAY) * _DAY


_DAY: Final = 86_400_000_000
_STEPS: Final = (
    *(10**power * part for power in range(7) for part in (1, 2, 5)),
    *(seconds * 1_000_000 for seconds in (10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600)),
    *(hours * 3_600_000_000 for hours in (2, 3, 6, 12, 24)),
)
"""Microseconds: 1, 2, 5, 10, … up to seconds, then minutes and hours."""
