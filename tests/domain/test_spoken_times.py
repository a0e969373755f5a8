"""Times as people write them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.values.spoken_times import read_time

from ..effort import tries

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)
"""Half past midnight of the 30th in Berlin, on the day after the clocks were set forward."""


@pytest.mark.parametrize(
    ("text", "stands_for"),
    [
        ("now", NOW),
        ("7d", NOW - timedelta(days=7)),
        ("-90m", NOW - timedelta(minutes=90)),
        ("+2h", NOW + timedelta(hours=2)),
        ("2w", NOW - timedelta(weeks=2)),
        (" Yesterday ", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("today", datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("2026-11", datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("2026", datetime(2025, 12, 31, 23, tzinfo=UTC)),
        ("2026-07-01", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-07-01T10:00", datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("2026-07-01T10:00Z", datetime(2026, 7, 1, 10, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_the_zone_of_the_reader(text: str, stands_for: datetime) -> None:
    assert read_time(text, NOW, BERLIN) == stands_for


@pytest.mark.parametrize("text", ["", "7", "d", "7y", "2026-13", "0000", "99999999w", "+99999999w", "noon", "-", "٧d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says its own
        read_time(text, NOW, BERLIN)


@settings(max_examples=tries(100))
@given(st.text(max_size=20))
def test_any_text_is_an_aware_time_or_refused(text: str) -> None:
    try:
        at = read_time(text, NOW, UTC)
    except ValueError:
        return
    assert at.tzinfo is not None
