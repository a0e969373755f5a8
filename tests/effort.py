"""How much the tests try: enough to show each promise by default, and all of it with ``pytest --exhaustive``.

The exhaustive run consists of what the other one leaves out or tries less often, so both together try everything:
tests and parameters marked ``exhaustive``, most of those marked ``sampled``, those marked ``scaled``, all that
Hypothesis makes examples for, and most parameters of what runs on PostgreSQL as well as on other backends.

With ``pytest --thin`` each test of the default run is tried with few of its parameter sets, on one backend or another.
"""

from collections.abc import Container, Iterable
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings

exhaustive = False
"""Whether this run is the exhaustive one; settled by ``begin`` before test modules are imported."""

PART = 8
"""One in so many is tried by default."""


def begin(config: pytest.Config) -> None:
    """Settle what this run tries."""
    global exhaustive
    exhaustive = config.getoption("exhaustive")
    # No deadline, and examples may be made slowly: a machine that is busy with something else makes no promise untrue.
    patient = [HealthCheck.too_slow]
    settings.register_profile("flowledger", max_examples=tries(100), deadline=None, suppress_health_check=patient)
    settings.load_profile("flowledger")


def tries(number: int) -> int:
    """How often to try what the exhaustive run tries ``number`` times.

    Of a test that isn't ``@given``: mark it ``scaled``, or the exhaustive run leaves it out.
    """
    return number if exhaustive else max(2, number // PART)


def spread(values: Iterable[Any], *, by_default: Container[Any]) -> list[Any]:
    """Parameters, several in a tuple, of which the others wait for the exhaustive run."""
    return [
        value
        if value in by_default
        else pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.exhaustive)
        for value in values
    ]


def sample(items: Iterable[pytest.Item]) -> None:
    """Of a test marked ``sampled(n)``, by default one in n of its parameter sets is tried, on each backend."""
    seen: dict[object, int] = {}
    for item in items:
        mark = item.get_closest_marker("sampled")
        if mark is None or getattr(item, "callspec", None) is None:
            continue
        key = _test_on_backend(item)
        if seen.setdefault(key, 0) % mark.args[0]:
            item.add_marker("exhaustive")
        seen[key] += 1


def spread_over_postgres(items: Iterable[pytest.Item]) -> None:
    """Of what a test tries on every backend, PostgreSQL gets the first by default, the others get all."""
    tried: set[str] = set()
    for item in items:
        parameters = getattr(item, "callspec", None)
        if item.get_closest_marker("exhaustive") or not parameters or "postgres" not in parameters.params.values():
            continue
        test = item.nodeid.partition("[")[0]
        if test in tried:
            item.add_marker("exhaustive")
        tried.add(test)


def thin(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Each test with one in PART of its parameter sets, from test to test with others: so each backend has its share.

    For another version of Python: where that makes a difference, it makes it to a test, and hardly to its numbers.
    """
    sets: dict[str, list[pytest.Item]] = {}
    for item in items:
        sets.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return [
        item for test, of_it in sets.items() for item in of_it[crc32(test.encode()) % min(PART, len(of_it)) :: PART]
    ]


def _test_on_backend(item: pytest.Item) -> tuple[str, ...]:
    parameters = getattr(item, "callspec", None)
    values = () if parameters is None else parameters.params.values()
    return item.nodeid.partition("[")[0], *(value for value in values if value in ("memory", "sqlite", "postgres"))


def belongs(item: pytest.Item) -> bool:
    """Whether this run is for the test."""
    is_left_out = item.get_closest_marker("exhaustive") is not None
    if not exhaustive:
        return not is_left_out
    is_hypothesis = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return is_left_out or is_hypothesis or item.get_closest_marker("scaled") is not None
