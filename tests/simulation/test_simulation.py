"""Processes, operators and webhooks on one store, in an order, with faults and on a clock that a seed decides."""

import pytest

from .simulation import Case, simulate
from .sweep import run_seeds

SEEDS = 20
"""In each part; ``python -m tests.simulation`` runs many more, and fails where a fault never happened in them."""


@pytest.mark.parametrize("part", range(4))
def test_the_promises_hold_whatever_happens_in_whichever_order(part: int) -> None:
    swept = run_seeds(range(part * SEEDS, (part + 1) * SEEDS))
    assert not swept.failures, [(failed.case.seed, failed.trace, failed.failure) for failed in swept.failures[:3]]


def test_a_seed_does_the_same_again() -> None:
    first, again = simulate(Case(3)), simulate(Case(3))
    assert first.trace == again.trace
    assert first.switches == again.switches


def test_a_recorded_order_is_kept() -> None:
    first = simulate(Case(3))
    assert simulate(Case(3, switches=tuple(first.switches))).trace == first.trace
