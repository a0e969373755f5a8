"""A clock that stands still until it is moved, so that durations are exact."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2025, 5, 4, 12, tzinfo=UTC)


class Stopwatch:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def passes(self, milliseconds: float) -> None:
        self.now += timedelta(milliseconds=milliseconds)


def after(milliseconds: float) -> datetime:
    """So long after noon."""
    return NOON + timedelta(milliseconds=milliseconds)
