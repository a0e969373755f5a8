"""Numbers, durations and ids as people read them."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count as count_from

SHORT_ID = 6
"""Characters of an id that a page shows; the whole is in its title, and wherever it is copied."""


def number(value: float) -> str:
    """Thousands with a comma; as many decimals as the value has."""
    return f"{value:,}"


def count(many: int, one: str, several: str | None = None) -> str:
    """``1 run``, ``1,284 runs``."""
    return f"{many:,} {one if many == 1 else several or one + 's'}"


def duration(took: timedelta | float) -> str:
    """A duration (a timedelta, or milliseconds) in its two largest units: ``42 ms``, ``1.8 s``, ``2 d 4 h``."""
    seconds = took.total_seconds() if isinstance(took, timedelta) else took / 1_000
    if seconds < 0.9995:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for size, unit, smaller, small_unit in _UNITS:
        if whole >= size:
            first, rest = divmod(whole, size)
            second = rest // smaller
            return f"{first} {unit}" + (f" {second} {small_unit}" if second else "")
    raise AssertionError("unreachable: a minute is the smallest")


_UNITS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))


def short_id(id: str) -> str:
    """The end of an id, where those made at the same time differ. One that is short, or has words in it, is whole."""
    return id[-SHORT_ID:] if len(id) == _UUID and id.count("-") == 4 else id


_UUID = 36


def capitalised(word: str) -> str:
    """A word of the record as a page begins with it: ``Completed``."""
    return word[:1].upper() + word[1:]


def as_clause(status: str) -> str:
    """A run's status as a clause: ``has failed``, ``is paused``."""
    return _CLAUSES.get(status, f"is {status}")


_CLAUSES = {
    "completed": "has completed",
    "failed": "has failed",
    "cancelled": "was cancelled",
    "error": "waits for a retry",
}


def counter() -> Callable[[str], str]:
    """Makes ids that are unique on one page: ``tip-1``, ``tip-2``."""
    numbers = count_from(1)
    return lambda prefix: f"{prefix}-{next(numbers)}"
