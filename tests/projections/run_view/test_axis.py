"""The broken axis: it keeps order, it stays within its width, both sides of a break have one scale."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.projections.run_view.axis import BANDS, broken_axis

from ...effort import tries

SECOND = 1_000_000
MOMENTS = st.integers(0, 10**13)
INTERVALS = st.lists(st.tuples(MOMENTS, st.integers(0, 10**12)).map(lambda pair: (pair[0], sum(pair))), max_size=30)


@settings(max_examples=tries(60), deadline=None)
@given(st.tuples(MOMENTS, MOMENTS), INTERVALS, st.lists(MOMENTS, min_size=2))
def test_later_is_further_right_and_nothing_leaves_the_axis(
    ends: tuple[int, int], busy: list[tuple[int, int]], moments: list[int]
) -> None:
    axis = broken_axis(min(ends), max(ends), busy)
    places = [axis.x(at) for at in sorted(moments)]
    assert all(before <= after for before, after in pairwise(places))
    assert all(-1e-6 <= x <= 100 + 1e-6 for x in places)
    assert all(-1e-6 <= tick.x <= 100 + 1e-6 for tick in axis.ticks)
    if axis.scaled:
        assert sum(gap.width for gap in axis.breaks) <= BANDS + 1e-6


@settings(max_examples=tries(60), deadline=None)
@given(st.tuples(MOMENTS, MOMENTS), INTERVALS)
def test_what_is_drawn_to_scale_has_one_scale(ends: tuple[int, int], busy: list[tuple[int, int]]) -> None:
    start, end = min(ends), max(ends)
    axis = broken_axis(start, end, busy)
    edges = [start, *(edge for gap in axis.breaks for edge in (gap.start, gap.end)), end]
    shown = [(since, until) for since, until in zip(edges[::2], edges[1::2], strict=True) if until > since]
    assert sum(until - since for since, until in shown) == axis.scaled
    long = [(since, until) for since, until in shown if until - since > axis.scaled / 1000]
    scales = [(axis.x(until) - axis.x(since)) / (until - since) for since, until in long]
    assert all(scale == pytest.approx(scales[0], rel=1e-6) for scale in scales)


def test_a_night_between_seconds_of_work_is_cut_out() -> None:
    night = 8 * 3600 * SECOND
    axis = broken_axis(0, night + 10 * SECOND, [(0, 5 * SECOND), (night + 5 * SECOND, night + 10 * SECOND)])
    (gap,) = axis.breaks
    assert (gap.length, gap.width, axis.scaled) == (night, 10.0, 10 * SECOND)
    assert axis.x(5 * SECOND) == pytest.approx(45)
    assert axis.x(night + 5 * SECOND) == pytest.approx(55)
    assert [tick.at for tick in axis.ticks if tick.at is not None] == [0, night + 5 * SECOND]


def test_a_run_that_has_only_begun_has_an_axis() -> None:
    axis = broken_axis(7, 7, [])
    assert (axis.x(7), axis.breaks, axis.scaled) == (0, (), 0)
