"""Lists as of a past time, against a replay of the whole log up to that time: 200 runs of every kind, each filter."""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import flowledger as fl

from .naive_fold import naive_run
from .promises import standing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
RUNS = 200
STATUSES = ("active", "paused", "error", "completed", "failed", "cancelled")


class HeldStepHarness:
    """A store with two workflows, whose nodes do what chance says, and operators who do what it lets them."""

    def __init__(self, url: str) -> None:
        self.now = NOON
        self.chance = random.Random(41)
        executors = fl.ExecutorRegistry()
        executors.register("do", retry=fl.RetryPolicy(max_retries=2, interval=1))(self.do)
        self.ledger = fl.open_ledger(url, executors, lambda: self.now)
        for workflow_id, nodes in (("w", "abc"), ("x", "bd")):
            self.ledger.workflows.save(
                {
                    "nodes": [{"id": node, "type": "do"} for node in nodes],
                    "edges": [{"source": one, "target": other} for one, other in itertools.pairwise(nodes)],
                },
                workflow_id=workflow_id,
            )
        self.runs: list[str] = []

    def do(self, step: fl.StepContext) -> Any:
        self.passes()
        match self.chance.randrange(9):
            case 0:
                return fl.Pause("look")
            case 1:
                raise self.chance.choice((TimeoutError, LookupError))("no luck")
            case 2:
                raise fl.NonRetryable("no luck at all")
            case 3:  # its step is in flight, and recorded all the same
                self.order(self.chance.choice((self.ledger.runs.hold, self.ledger.runs.cancel)), step.run_id)
        return step.runs

    def passes(self) -> None:
        """Some time, or none: many events are of one moment."""
        self.now += timedelta(microseconds=self.chance.choice((0, 0, 1, 700)))

    def order(self, act: Any, run_id: str) -> None:
        try:
            run = act(run_id, by=self.chance.choice(("bob", "eve")))
        except fl.IllegalTransition:
            return
        self.keep(run)

    def keep(self, run: fl.Run) -> None:
        if run.id not in self.runs:
            self.runs.append(run.id)

    def work(self) -> None:
        runs = self.ledger.runs
        steering = (runs.resume, runs.proceed, runs.cancel, runs.hold, runs.release)
        acts = (*steering, runs.release, runs.retry, runs.reproduce, self.note)
        while len(self.runs) < RUNS:
            self.passes()
            if self.runs and self.chance.random() < 0.6:
                self.order(self.chance.choice(acts), self.chance.choice(self.runs[-20:]))
            else:
                self.start()

    def start(self) -> None:
        workflow_id, by = self.chance.choice("wx"), self.chance.choice(("ada", "bob"))
        limit, wait = self.chance.choice((1, 10)), self.chance.random() < 0.8
        self.keep(self.ledger.runs.start(workflow_id, by=by, step_limit=limit, wait=wait))

    def note(self, run_id: str, by: str) -> fl.Run:
        return self.ledger.runs.set_metadata(run_id, {"seen": True}, by=by)

    def journals(self) -> dict[str, list[fl.RecordedEvent]]:
        """The whole log, a list for each run."""
        journals = defaultdict(list)
        for event in self.ledger._store.tail():
            if event.type.startswith("run."):
                journals[event.stream].append(event)
        return journals


@pytest.fixture
def harness(store_url: str) -> Iterator[HeldStepHarness]:
    harness = HeldStepHarness(store_url)
    harness.work()
    yield harness
    harness.ledger.close()


def replayed(journals: dict[str, list[fl.RecordedEvent]], at: datetime) -> list[dict[str, Any]]:
    """What a list must say as of a time, newest first."""
    rows = []
    for run_id, events in journals.items():
        known = list(itertools.takewhile(lambda event: event.recorded_at <= at, events))
        if not known:
            continue
        started = known[0]
        journal = [(event.type, event.data) for event in known]
        status, node, error_type = standing(naive_run(run_id, journal), journal)
        rows.append(
            {
                "id": run_id,
                "started": (started.recorded_at, started.position),
                "workflow_id": started.data["workflow_id"],
                "by": started.by,
                "status": status,
                "node": node,
                "error_type": error_type,
            }
        )
    return sorted(rows, key=lambda row: row["started"], reverse=True)


def test_as_of_any_time_a_list_says_what_a_replay_of_the_log_says(harness: HeldStepHarness) -> None:
    journals = harness.journals()
    assert len(journals) == RUNS
    times = sorted({event.recorded_at for events in journals.values() for event in events})
    asked = [NOON - TICK, *times[:: len(times) // 12], *(time + TICK for time in times[:: len(times) // 6]), times[-1]]
    told: set[str | None] = set()
    for at in asked:
        then = replayed(journals, at)
        told |= {row[name] for row in then for name in ("status", "error_type")}
        for filters in filters_of(then):
            expected = [
                (row["id"], row["status"], row["node"], row["error_type"]) for row in then if holds(row, filters)
            ]
            found = everything(harness.ledger, as_of=at, **filters)
            shown = [
                (run.id, run.status, None if run.status == "active" else run.node_id, run.error_type) for run in found
            ]
            assert shown == expected, f"as of {at.isoformat()}, {filters}"
    assert told >= {*STATUSES, "TimeoutError", "LookupError", "NonRetryable", None}


def filters_of(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """No filter, each alone, and some together."""
    yield {}
    for name, values in (("status", STATUSES), ("node", "abcd"), ("error_type", ("TimeoutError", "LookupError"))):
        yield from ({name: value} for value in values)
    yield {"status": ("paused", "failed", "active"), "workflow_id": "w"}
    yield {"node": "b", "status": ("error", "failed", "cancelled"), "by": "bob"}
    if rows:
        yield {"since": rows[len(rows) // 2]["started"][0], "status": ("completed",)}


def holds(row: dict[str, Any], filters: dict[str, Any]) -> bool:
    since = filters.get("since")
    return (since is None or row["started"][0] >= since) and all(
        row[name] in (value if isinstance(value, tuple) else (value,))
        for name, value in filters.items()
        if name != "since"
    )


def everything(ledger: fl.Ledger, **filters: Any) -> list[fl.RunSummary]:
    """All pages of a list."""
    runs, after = [], None
    while True:
        page = ledger.history.runs(**filters, after=after, limit=70)
        runs += page
        if (after := page.next) is None:
            return runs
