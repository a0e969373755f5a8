"""A clock that tells no time which the log can hold is refused at the first call, before anything is written."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.values.clock import SteadyClock


class Nowhere(tzinfo):
    """A time zone without an offset: what is in it is naive."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    dst = tzname = utcoffset  # type: ignore[assignment]


def broken() -> datetime:
    raise OSError("no battery")


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "a number": (lambda: 0, "returned 0: it must return an aware datetime"),
    "nothing": (lambda: None, "returned None"),
    "text": (lambda: "2026-01-01T00:00:00Z", "aware datetime"),
    "a naive datetime": (lambda: datetime(2026, 1, 1), "no time zone"),  # noqa: DTZ001 - a naive time is the bad input
    "a zone without an offset": (lambda: datetime(2026, 1, 1, tzinfo=Nowhere()), "no time zone"),
    "an error": (broken, "OSError: no battery"),
    "a time before 1970": (lambda: datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "no times before 1970"),
    "1970, seen from the east": (lambda: datetime(1970, 1, 1, tzinfo=timezone(timedelta(hours=9))), "before 1970"),
}
DEFINITION = {"nodes": [{"id": "a", "type": "one"}]}


@pytest.fixture
def executors() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    executors.register("one")(lambda step: 1)
    return executors


@pytest.mark.parametrize("kind", BAD)
def test_a_clock_that_tells_no_time_is_refused_before_anything_is_written(
    executors: fl.ExecutorRegistry, kind: str, tmp_path: Any
) -> None:
    clock, message = BAD[kind]
    url = f"sqlite:///{tmp_path}/s.db"
    with fl.open_ledger(url, executors, clock) as ledger:
        with pytest.raises(fl.InvalidRequest, match=message):
            ledger.workflows.save(DEFINITION, workflow_id="w")
        assert len(ledger.workflows.list()) == 0
    with fl.open_ledger(url, executors) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
    with fl.open_ledger(url, executors, clock) as ledger:
        with pytest.raises(fl.InvalidRequest, match=message):
            ledger.runs.start("w")
        assert (len(ledger.history.runs()), len(ledger.history.work_orders()), ledger.verify().events) == (0, 0, 1)
    with pytest.raises(fl.InvalidRequest, match=message):
        fl.Engine(fl.WorkflowDefinition.model_validate(DEFINITION), executors, clock=clock).execute()


def test_the_first_moment_of_1970_is_a_time(executors: fl.ExecutorRegistry) -> None:
    with fl.open_ledger("memory:", executors, lambda: datetime(1970, 1, 1, tzinfo=UTC)) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.start("w")
        assert ledger.verify().ok
        assert fl.Snapshot.from_json(run.snapshot.to_json()) == run.snapshot


def test_a_clock_that_is_set_again_and_a_little_otherwise_does_not_run_back() -> None:
    steady = [0]
    clock = SteadyClock(lambda: 5, lambda: steady[0])
    clock.set(1_000_000, 0)
    assert clock() == 1_000_000
    clock.set(999_400, 0)
    assert clock() == 1_000_000
    steady[0] = 500
    assert clock() == 1_000_000
    steady[0] = 700
    assert clock() == 1_000_100


def test_a_clock_that_was_far_ahead_is_set_right() -> None:
    clock = SteadyClock(lambda: 3_600_000_000, lambda: 0)
    assert clock() == 3_600_000_000
    clock.set(7, 0)
    assert clock() == 7
