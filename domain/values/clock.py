"""Time, as the log keeps it: integer microseconds since 1970 (UTC). Snapshots show whole milliseconds."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from ..errors import InvalidRequest
from ..visible import quoted

Clock = Callable[[], datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

EARLIEST: Final = -62_135_596_800_000_000
LATEST: Final = 253_402_300_799_999_999
"""The first and the last microsecond that calendars know, since 1970: of the years 1 and 9999."""

AHEAD: Final = 24 * 60 * 60 * 1_000_000
"""Microseconds by which a stored time may be ahead of the clock and still be a lower bound for the next event."""


class OddTime(datetime):
    """A recorded time that no calendar holds, as an older import may have brought one into a store.

    It compares as the last moment of all, or as the first; ``micros`` is what was recorded, and its text says that.
    """

    micros: int
    """Microseconds since 1970."""

    def __new__(cls, micros: int) -> Self:
        end = (9999, 12, 31, 23, 59, 59, 999_999) if micros > 0 else (1, 1, 1, 0, 0, 0, 0)
        self = super().__new__(cls, *end, UTC)
        self.micros = micros
        return self

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:  # noqa: ARG002 - as of any other time
        return f"{self.micros} µs since 1970"

    __str__ = isoformat

    def __repr__(self) -> str:
        return f"OddTime({self.micros})"

    def __format__(self, format: str) -> str:
        return self.isoformat()

    def strftime(self, format: str) -> str:  # noqa: ARG002 - as of any other time
        return self.isoformat()

    def astimezone(self, tz: Any = None) -> Self:  # noqa: ARG002 - it is as odd in every zone
        return self

    def replace(self, *args: Any, **kwargs: Any) -> datetime:  # type: ignore[override]
        return self._end().replace(*args, **kwargs)

    def __add__(self, other: timedelta) -> datetime:  # type: ignore[override]
        return self._end() + other

    def __sub__(self, other: Any) -> Any:
        return self._end() - (other._end() if isinstance(other, OddTime) else other)

    def __rsub__(self, other: datetime) -> timedelta:
        return other - self._end()

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return OddTime, (self.micros,)

    def _end(self) -> datetime:
        return datetime.combine(self.date(), self.time(), UTC)


NOISE: Final = 1_000_000
"""Microseconds by which two readings of another clock may contradict each other, as the way to it takes its time."""


class SteadyClock:
    """Microseconds since 1970 by a wall clock that never runs back: where that is set back, time goes on as it went.

    ``read_wall`` and ``read_steady`` return microseconds; the second counts on, also while the machine sleeps, and
    nobody can set it.
    """

    __slots__ = ("_follows_wall", "_last", "_offset", "_read_steady", "_read_wall")

    def __init__(
        self, read_wall: Callable[[], int] | None = None, read_steady: Callable[[], int] | None = None
    ) -> None:
        self._read_wall = read_wall or _wall
        self._read_steady = read_steady or _steady
        self._offset = self._read_wall() - self._read_steady()
        self._follows_wall = True
        self._last = 0

    def __call__(self) -> int:
        wall = self._read_wall()
        steady = self._read_steady()  # second: a thread that is held up in between must not put the clock forward
        if self._follows_wall and (ahead := wall - steady) > self._offset:
            self._offset = ahead
        at = steady + self._offset
        if at < self._last <= at + NOISE:
            return self._last
        self._last = at
        return at

    def set(self, wall: int, steady: int) -> None:
        """From here on tell the time of another clock, which told ``wall`` when the steady one here told ``steady``.

        Once set it doesn't follow the wall clock of this machine any more. It is set by the same clock again and again,
        each time as exactly as it could be asked: it stands still rather than run back by as little as that.
        """
        self._follows_wall = False
        self._offset = wall - steady

    def read_steady(self) -> int:
        """What the steady clock tells now."""
        return self._read_steady()


def _wall() -> int:
    return time.time_ns() // 1000


_STEADY = getattr(time, "CLOCK_BOOTTIME", None)


def _steady() -> int:
    return (time.monotonic_ns() if _STEADY is None else time.clock_gettime_ns(_STEADY)) // 1000


def micros_clock(clock: Clock | None) -> Callable[[], int]:
    """A function that returns microseconds since 1970, by the caller's clock or the system's.

    It raises InvalidRequest where the caller's clock returns no time that the log can hold.
    """
    if clock is None:
        return lambda: time.time_ns() // 1000
    return lambda: _read_clock(clock)


def _read_clock(clock: Clock) -> int:
    try:
        reading = clock()
    except Exception as error:  # it is the caller's code
        raise InvalidRequest(f"the clock can't tell the time: {type(error).__name__}: {error}") from error
    if not isinstance(reading, datetime):
        raise InvalidRequest(f"the clock returned {quoted(reading)}: it must return an aware datetime")
    at = micros(reading)
    if at < 0:
        raise InvalidRequest(
            f"the clock returned {reading.isoformat()}: the log holds no times before 1970; set it right"
        )
    return at


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime, exact. Raises InvalidRequest for a naive or impossible one."""
    if isinstance(moment, OddTime):
        return moment.micros
    try:
        is_aware = moment.utcoffset() is not None
        since = moment.astimezone(UTC) - _EPOCH if is_aware else None
    except (OverflowError, NotImplementedError, ValueError) as error:
        raise InvalidRequest(f"{quoted(moment)} can't be told in UTC: {error}") from error
    if since is None:
        raise InvalidRequest(
            f"{quoted(moment)} has no time zone: give an aware datetime, such as datetime.now(timezone.utc)"
        )
    return since // _MICROSECOND


def millis(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime, rounded."""
    return round(moment.timestamp() * 1000)


def next_time(recorded_at: int, now: int) -> int:
    """The time of the next event of a stream, after one that was recorded at a time: time never runs backwards there.

    A recorded time more than a day ahead of the clock is ignored: no clock was so wrong, so the event is at fault.
    """
    return now if recorded_at > now + AHEAD else max(now, recorded_at)


def moment(at: int) -> datetime:
    """The aware UTC datetime of ``at`` microseconds since 1970; an OddTime where there is none."""
    try:
        return _EPOCH + timedelta(0, 0, at)
    except OverflowError:
        return OddTime(at)


def moment_of_millis(at: int) -> datetime:
    """The same of ``at`` milliseconds since 1970."""
    try:
        return _EPOCH + timedelta(milliseconds=at)
    except OverflowError:
        return OddTime(at * 1000)
