"""A clock that a test sets by hand."""

from datetime import UTC, datetime, timedelta

from ...domain.errors import InvalidRequest


class ManualClock:
    """Stands still until it is moved: hand it to ``open_ledger(clock=…)`` or ``Engine(clock=…)``."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.now = _aware(start)
        """What it shows."""

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
        """Move it, backwards where the sum is negative, and return what it shows then."""
        self.now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self.now

    def set(self, moment: datetime) -> None:
        """Let it show another time. Raises InvalidRequest for one without a time zone."""
        self.now = _aware(moment)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise InvalidRequest(f"{moment!r} has no time zone: give an aware datetime, such as datetime.now(timezone.utc)")
    return moment
