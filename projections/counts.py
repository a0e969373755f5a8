"""How many there are of each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Count:
    """How many of those that a list finds have a value in common."""

    value: int | str | None
    """None: they have none."""
    count: int
