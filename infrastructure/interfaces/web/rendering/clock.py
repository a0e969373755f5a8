"""Times on a page: in the reader's zone, UTC when pointed at, relative ones as of the moment of the page."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from markupsafe import Markup

from .....domain.values.clock import OddTime
from .words import duration


@dataclass(frozen=True, slots=True)
class PageClock:
    """The moment at which a page was made, and the zone of who reads it."""

    now: datetime
    zone: tzinfo = UTC

    def time(self, at: datetime | None, seconds: bool = True) -> Markup:
        """A time as an element. Today as ``14:20:07``, another day with its date, another year with that, too."""
        if at is None:
            return Markup("")
        if isinstance(at, OddTime):
            return Markup('<time title="no calendar has this time">{}</time>').format(at.isoformat())
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            _iso(at), f"{_utc(at)} UTC", self.word(at, seconds)
        )

    def word(self, at: datetime, seconds: bool = True) -> str:
        """The time as text alone."""
        there, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        clock = there.strftime("%H:%M:%S" if seconds else "%H:%M")
        if there.date() == today.date():
            return clock
        day = f"{there.day} {there.strftime('%b')}"
        if there.year != today.year:
            return f"{day} {there.year} {there.strftime('%H:%M')}"
        return f"{day} {there.strftime('%H:%M')}"

    def exact(self, at: datetime) -> str:
        """``25 Nov 14:02:16.204``: of an event, whose neighbours may be milliseconds away."""
        if isinstance(at, OddTime):
            return at.isoformat()
        return f"{self.day(at)} {self.moment(at)}"

    def moment(self, at: datetime) -> str:
        """``14:02:16.204``, where the day is said beside it."""
        there = at.astimezone(self.zone)
        return f"{there.strftime('%H:%M:%S')}.{there.microsecond // 1_000:03}"

    def at(self, at: datetime) -> Markup:
        """``14:02:16`` as an element, where the day is said beside it."""
        if isinstance(at, OddTime):
            return self.time(at)
        shown = at.astimezone(self.zone).strftime("%H:%M:%S")
        return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(_iso(at), _utc(at), shown)

    def day(self, at: datetime) -> str:
        """``25 Nov``, of another year ``25 Nov 2025``."""
        there = at.astimezone(self.zone)
        year = "" if there.year == self.now.astimezone(self.zone).year else f" {there.year}"
        return f"{there.day} {there.strftime('%b')}{year}"

    def distance(self, at: datetime) -> str:
        """``in 2 d 23 h``, ``38 s ago``: fixed at the moment of the page."""
        left = at - self.now
        return f"in {duration(left)}" if left >= timedelta() else f"{duration(-left)} ago"

    def is_past(self, at: datetime) -> bool:
        """Whether the time had passed when the page was made."""
        return at <= self.now

    def is_soon(self, at: datetime) -> bool:
        """Whether a deadline is so near that it needs somebody today."""
        return at - self.now < timedelta(hours=8)

    def since(self, at: datetime) -> timedelta:
        """How long ago a time was, at the moment of the page."""
        return max(timedelta(), self.now - at)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
