"""Times as people write them: ``7d`` ago, ``yesterday``, a month, a date, or ISO 8601."""

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

EXAMPLES: Final = "7d, +2h, yesterday, 2026-11, 2026-11-05 or 2026-11-05T09:30:00Z"

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AWAY: Final = re.compile(r"([+-]?)([0-9]{1,9})([smhdw])", re.ASCII)
_MONTH: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?", re.ASCII)
_DAYS: Final = {"today": 0, "yesterday": -1, "tomorrow": 1}


def read_time(text: str, now: datetime, zone: tzinfo) -> datetime:
    """The aware time that a text stands for; a day, a month or a year stands for its beginning.

    ``7d`` and ``-7d`` are seven days before ``now``, ``+2h`` two hours after it; units are s, m, h, d, w. What names no
    offset is in ``zone``. Raises ValueError for what is no time.
    """
    text = text.strip()
    word = text.lower()
    if word == "now":
        return now
    if word in _DAYS:
        day = now.astimezone(zone).date() + timedelta(days=_DAYS[word])
        return datetime(day.year, day.month, day.day, tzinfo=zone)
    try:
        if away := _AWAY.fullmatch(word):
            sign, number, unit = away.groups()
            distance = timedelta(**{_UNITS[unit]: int(number)})
            return now + distance if sign == "+" else now - distance
        if month := _MONTH.fullmatch(text):
            return datetime(int(month[1]), int(month[2] or 1), 1, tzinfo=zone)
        at = datetime.fromisoformat(text)
    except OverflowError as error:
        raise ValueError(f"{text!r} is beyond all calendars") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def read_length(text: str) -> timedelta:
    """The length of time that a text such as ``90d`` or ``36h`` stands for. Raises ValueError for what is none."""
    length = _AWAY.fullmatch(text.strip().lower())
    if length is None or length[1]:
        raise ValueError(f"{text!r} is no length of time, such as 90d, 12w or 36h")
    try:
        return timedelta(**{_UNITS[length[3]]: int(length[2])})
    except OverflowError as error:
        raise ValueError(f"{text!r} is beyond all calendars") from error
