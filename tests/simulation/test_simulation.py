"""Processes, operators and webhooks on one store, in an order, with faults and on a clock that a seed decides."""

import pytest

from .. import effort
from ..effort import tries
from .simulation import Case, simulate
from .sweep import run_seeds


@pytest.mark.scaled
@pytest.mark.parametrize("part", range(4))
def test_the_promises_hold_whatever_happens_in_whichever_order(part: int) -> None:
    count = tries(160)
    swept = run_seeds(range(part * count, (part + 1) * count))
    assert not swept.failures, [(failed.case.seed, failed.trace, failed.failure) for failed in swept.failures[:3]]
    if effort.exhaustive:
        assert swept.never_happened() == [], "the seeds try less than they should"


def test_a_seed_does_the_same_again() -> None:
    first, again = simulate(Case(3)), simulate(Case(3))
    assert first.trace == again.trace
    assert first.switches == again.switches


def test_a_recorded_order_is_kept() -> None:
    first = simulate(Case(3))
    assert simulate(Case(3, switches=tuple(first.switches))).trace == first.trace
