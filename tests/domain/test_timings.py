"""The numbers of timings, exactly, and the rule by which a node is called slower."""

import random
import statistics
from collections.abc import Iterator

import pytest

from flowledger.projections.runs.attempts import Due
from flowledger.projections.runs.timings import SAMPLES, TimingsFold, is_slower, quantile

NOON = 1_746_360_000_000_000
"""2025-05-04T12:00Z."""

SAVES = {4: {"by": "ada", "message": "use the big model"}, 5: {"by": "bob"}}

Event = tuple[str, dict]


def run(*steps: dict, **started) -> Iterator[Event]:
    """A run that starts at noon; each step is an event that completes unless it says otherwise."""
    yield "run.started", {"recorded_at": NOON, **started}
    for step in steps:
        data = {key: NOON + value if key.endswith("_at") else value for key, value in step.items() if key != "type"}
        yield step.get("type", "run.step_completed"), data


def step(node_id: str, started_at: int, took: int, **more) -> dict:
    return {"node_id": node_id, "started_at": started_at, "recorded_at": started_at + took, **more}


def folded(*runs: tuple[int, Iterator[Event]], by="version"):
    fold = TimingsFold("w", by)
    for version, events in runs:
        fold.add(version, events)
    return fold.timings(["a", "b"], SAVES.__getitem__)


@pytest.mark.parametrize("size", [2, 3, 10, 101])
def test_quantiles_are_those_of_the_standard_library(size: int) -> None:
    samples = sorted(random.Random(size).randrange(10_000) for _ in range(size))
    assert quantile(samples, 0.5) == statistics.median(samples)
    assert quantile(samples, 0.95) == pytest.approx(statistics.quantiles(samples, n=20, method="inclusive")[18])
    assert quantile(samples[:1], 0.95) == samples[0]


def test_a_row_counts_the_steps_of_one_node_in_one_version() -> None:
    failed = step("a", 1_000, 3_000, type="run.step_failed", retry_at=10_000)
    again = step("a", 12_000, 5_000, attempt=2)
    rows = folded(
        (1, run(failed, {"type": "run.retried", "recorded_at": 11_000}, again, step("b", 17_500, 2_000))),
        (2, run(step("a", 0, 7_000))),
    )
    assert [(row.node_id, row.group, row.count) for row in rows] == [("a", 1, 2), ("a", 2, 1), ("b", 1, 1)]
    first = rows[0]
    assert (first.failures, first.failure_rate, first.retries, first.retry_rate) == (1, 0.5, 1, 0.5)
    assert (first.median, first.p95, first.max) == (4.0, pytest.approx(4.9), 5.0)
    # The first attempt was due at the start, the second one when its retry was.
    assert (first.waiting_median, first.waiting_max) == (1.5, 2.0)
    assert (rows[2].median, rows[2].waiting_max) == (2.0, 0.5)
    assert rows.runs == 2


def test_by_day_the_steps_of_a_run_may_be_of_two_days() -> None:
    hour = 3_600_000_000
    rows = folded((1, run(step("a", 0, 1), step("a", 12 * hour, 1))), (2, run(step("a", 5, 1))), by="day")
    assert [(row.group, row.count) for row in rows] == [("2025-05-04", 2), ("2025-05-05", 1)]
    assert rows.changes == ()


@pytest.mark.parametrize(
    ("events", "since"),
    [
        ([], 0),
        ([step("a", 0, 30)], 30),
        ([step("a", 0, 30, finished_at=20)], 20),
        ([step("a", 0, 30, type="run.step_failed", retry_at=90)], 90),
        ([step("a", 0, 30, type="run.step_failed", retry_at=90), {"type": "run.retried", "recorded_at": 95}], 90),
        ([step("a", 0, 30, type="run.step_failed", retry_at=90), {"type": "run.retried", "recorded_at": 50}], 50),
        ([step("a", 0, 30, type="run.paused"), {"type": "run.resumed", "recorded_at": 70}], 70),
        ([{"type": "run.paused", "recorded_at": 10}, {"type": "run.resumed", "recorded_at": 70}], 70),
        ([{"type": "run.paused", "recorded_at": 10}, step("a", 0, 30), {"type": "run.resumed", "recorded_at": 70}], 70),
        ([{"type": "run.recovered", "recorded_at": 40}], 40),
        ([step("a", 0, 30), {"type": "run.metadata_set", "recorded_at": 60}], 30),
    ],
)
def test_a_step_is_due_since(events: list[dict], since: int) -> None:
    due = Due()
    for type, data in run(*events):
        due.follow(type, data)
    assert due.since == NOON + since
    assert (due.waited(NOON + since + 7), due.waited(NOON + since - 7)) == (7, 0)


def test_in_a_queued_run_the_first_step_is_due_since_the_start_and_later_ones_since_a_recovery() -> None:
    due = Due()
    claims = ({"type": "run.recovered", "recorded_at": 40}, {"type": "run.recovered", "recorded_at": 60})
    seen = []
    for type, data in run(*claims, queued=True):
        due.follow(type, data)
        seen.append(due.since - NOON)
    assert seen == [0, 0, 60]


def times(*milliseconds: float) -> list[int]:
    return sorted(round(value * 1_000) for value in milliseconds)


@pytest.mark.parametrize(
    ("before", "after", "slower"),
    [
        (times(*range(100, 140)), times(*range(400, 440)), True),
        (times(*range(100, 140)), times(*range(100, 140)), False),
        (times(*range(400, 440)), times(*range(100, 140)), False),
        (times(*[100] * 40), times(*[140] * 40), False),  # not by half
        (times(*[0.1] * 40), times(*[0.9] * 40), False),  # nobody waits for that
        (times(*[100] * 20, *[900] * 20), times(*[100] * 19, *[900] * 21), False),  # as mixed as before
        (times(*[100] * 39, 90_000), times(*[100] * 30, *[90_000] * 10), False),  # outliers
        (times(*[0] * 40), times(*[2] * 40), True),
    ],
)
def test_a_node_is_slower_only_where_it_is_clear(before: list[int], after: list[int], slower: bool) -> None:
    assert is_slower(before, after) is slower


@pytest.mark.parametrize("time", ["uniform", "expovariate", "lognormvariate"])
def test_chance_alone_makes_no_node_slower(time: str) -> None:
    chance = random.Random(7)
    parameters = {"uniform": (0, 2), "expovariate": (1,), "lognormvariate": (0, 1)}[time]

    def samples() -> list[int]:
        return sorted(round(getattr(chance, time)(*parameters) * 100_000) for _ in range(SAMPLES))

    assert sum(is_slower(samples(), samples()) for _ in range(2_000)) < 10


def test_the_save_since_which_a_node_is_slower_is_named_once() -> None:
    def runs(version: int, count: int, took: int) -> list[tuple[int, Iterator[Event]]]:
        return [(version, run(step("a", 0, took + place * 200))) for place in range(count)]

    found = folded(*runs(2, 40, 120_000), *runs(3, SAMPLES - 1, 900_000), *runs(4, 35, 450_000), *runs(5, 22, 450_000))
    (change,) = found.changes
    assert (change.node_id, change.version, change.compared_with) == ("a", 4, 2)
    assert (change.count_before, change.count_after) == (40, 35)
    assert (change.median_before, change.median_after) == (123.9, 453.4)
    assert str(change) == (
        "node 'a' slower since version 4 (ada, 'use the big model'): median 123.9 ms → 453.4 ms, ×3.7, "
        "40 and 35 samples"
    )
    assert found.to_data()["changes"][0]["summary"] == str(change)
