"""Runs over time: how many began on each of the last days of a list, and how many of them failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from ..rendering.words import count

if TYPE_CHECKING:
    from ..requests import Call
    from .history_filters import HistoryFilters

DAYS: Final = 28
"""Days of the chart: so that a large store counts those of four weeks, not of all times."""
STEP: Final = 8
"""From one bar to the next, in pixels."""
HEIGHT: Final = 24
LEAST: Final = 1.5
"""Of a bar that isn't empty."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A day (UTC)."""

    day: date
    runs: int
    """That began on it."""
    failed: int
    """How many of them have failed."""
    x: int
    height: float
    bad: float
    """The height of those that failed, at the foot."""

    @property
    def query(self) -> dict[str, str]:
        """The filters that find its runs."""
        return {"since": self.day.isoformat(), "until": (self.day + timedelta(days=1)).isoformat()}


@dataclass(frozen=True, slots=True)
class Chart:
    """The days of a list, the first one first."""

    bars: tuple[Bar, ...]

    @property
    def width(self) -> int:
        """Pixels."""
        return len(self.bars) * STEP

    @property
    def said(self) -> str:
        """What it shows, for those who don't see it."""
        runs, failed = sum(bar.runs for bar in self.bars), sum(bar.failed for bar in self.bars)
        most = max(self.bars, key=lambda bar: bar.runs)
        return (
            f"{count(runs, 'run')} began in {count(len(self.bars), 'day')}, {failed:,} of them failed; "
            f"most on {most.day.isoformat()}: {most.runs:,}"
        )


def runs_by_day(call: Call, filters: HistoryFilters) -> Chart | None:
    """The chart of a list, whatever the status of its runs: the last days, or those that its filters leave of them.

    None where there is nothing to show, or a search would have to count one by one. The filters were checked by the
    list.
    """
    if filters.text or filters.where:
        return None
    end = min(filters.as_of or call.now, filters.until or call.now)
    first = end.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    since = datetime.combine(first, time(), UTC)
    if filters.since is not None and filters.since > since:
        since, first = filters.since, filters.since.astimezone(UTC).date()
    if since >= end:
        return None
    days = (end.astimezone(UTC).date() - first).days + 1
    runs, failed = (
        _by_day(call, {**filters.of_runs(), "since": since, "status": status}) for status in (None, "failed")
    )
    return None if not runs else Chart(_bars([first + timedelta(days=day) for day in range(days)], runs, failed))


def _by_day(call: Call, asked: dict[str, Any]) -> Mapping[str, int]:
    return {str(each.value): each.count for each in call.ledger.history.counts(group="day", **asked)}


def _bars(days: list[date], runs: Mapping[str, int], failed: Mapping[str, int]) -> tuple[Bar, ...]:
    most = max(runs.values())

    def height(many: int) -> float:
        return max(LEAST, round(many * HEIGHT / most, 2)) if many else 0

    return tuple(
        Bar(day, many, bad, place * STEP, height(many), height(bad))
        for place, day in enumerate(days)
        for many, bad in [(runs.get(day.isoformat(), 0), failed.get(day.isoformat(), 0))]
    )
