"""Time, as the log keeps it: integer microseconds since 1970 (UTC). Snapshots show whole milliseconds."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from .errors import InvalidRequest
from .visible import quoted

Clock = Callable[[], datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def reading(clock: Clock | None) -> Callable[[], int]:
    """A function that tells microseconds since 1970: by the caller's clock, or the system's.

    It raises InvalidRequest where the caller's clock doesn't tell a time that the log can hold.
    """
    if clock is None:
        return lambda: time.time_ns() // 1000
    return lambda: _told_by(clock)


def _told_by(clock: Clock) -> int:
    try:
        told = clock()
    except Exception as error:  # it is the caller's code
        raise InvalidRequest(f"the clock can't tell the time: {type(error).__name__}: {error}") from error
    if not isinstance(told, datetime):
        raise InvalidRequest(f"the clock told {quoted(told)}: it must return an aware datetime")
    at = micros(told)
    if at < 0:
        raise InvalidRequest(f"the clock told {told.isoformat()}: the log holds no times before 1970; set it right")
    return at


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime, exact. Raises InvalidRequest for a naive or impossible one."""
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


def moment(at: int) -> datetime:
    """The aware UTC datetime of ``at`` microseconds since 1970."""
    return _EPOCH + timedelta(0, 0, at)


def moment_of_millis(at: int) -> datetime:
    """The aware UTC datetime of ``at`` milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=at)
