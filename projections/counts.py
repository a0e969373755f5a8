"""How many there are of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from .history_beginning import HistoryBeginning

RunGroup = Literal["status", "node", "error_type", "workflow", "version", "actor", "day"]
"""By what runs are counted."""

DAY: Final = 24 * 60 * 60 * 1_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many of those that a list finds have a value in common."""

    value: int | str
    count: int


class Counts(list[Count]):
    """A list of them."""

    def __init__(self, counts: Iterable[Count] = (), begins: HistoryBeginning | None = None) -> None:
        super().__init__(counts)
        self.begins = begins
        """From when on they are whole, where they reach back to what retention policies have removed."""


def counts(counted: Mapping[int, int] | Mapping[str, int]) -> tuple[Count, ...]:
    """By value, ascending."""
    pairs: Iterable[tuple[int | str, int]] = sorted(counted.items())
    return tuple(Count(value, count) for value, count in pairs)


def name_of_day(days: int) -> str:
    """A day, from how many came before it since the first one of the calendar: ``2026-11-25``."""
    return date.fromordinal(days + 1).isoformat()
