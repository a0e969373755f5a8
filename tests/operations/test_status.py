"""What ``ledger.status()`` says of runs, workers and the store."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.execution.step import StepLimits
from flowledger.domain.values.clock import micros_clock
from flowledger.domain.values.json import MAX_VALUE_BYTES
from flowledger.infrastructure.ledger.open import compose
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.testing import ManualClock

from ..effort import tries
from ..told import Told
from .until import until

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TWO = {"nodes": [{"id": "a", "type": "work"}, {"id": "b", "type": "work"}], "edges": [{"source": "a", "target": "b"}]}


@pytest.fixture
def executors() -> fl.ExecutorRegistry:
    """Does as the payload of the run says."""
    registry = fl.ExecutorRegistry()

    @registry.register("work", retry=fl.RetryPolicy(max_retries=3, interval=60, jitter=0))
    def work(step: fl.StepContext) -> Any:
        asked = step.payload if step.answer is None else "go on"
        if asked == "fail":
            raise TimeoutError
        if asked == "ask":
            return fl.Pause("?")
        if asked == "ask by a deadline":
            return fl.Pause("?", until=NOW + timedelta(minutes=1))
        if asked == "die":
            raise KeyboardInterrupt
        return None

    return registry


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def ledger(store_url: str, executors: fl.ExecutorRegistry, clock: ManualClock) -> Iterator[fl.Ledger]:
    with fl.open_ledger(store_url, executors, clock) as ledger:
        ledger.workflows.save(TWO, workflow_id="w")
        ledger.workflows.save(TWO, workflow_id="v")
        yield ledger


def test_a_store_without_runs_says_so(ledger: fl.Ledger) -> None:
    status = ledger.status()
    assert status.backlog == fl.Backlog(0, 0, 0, 0, 0)
    assert (status.workers, status.workflows, status.stranded, status.oldest_due_at) == ((), (), (), None)
    assert (status.lost, status.unowned, status.recoveries, status.at) == (0, 0, 0, NOW)


def test_what_has_not_ended_is_counted_by_what_it_waits_for(ledger: fl.Ledger, clock: ManualClock) -> None:
    runs = ledger.runs
    runs.start("w")  # which ends
    clock.advance(1)
    runs.start("w", wait=False)
    runs.start("v", wait=False, run_at=NOW + timedelta(hours=1))
    for payload in ("fail", "ask", "ask by a deadline"):
        runs.start("v", payload=payload)
    held = runs.start("w", payload="ask")
    runs.hold(held.id)

    status = ledger.status()
    assert status.backlog == fl.Backlog(queued=2, due=1, running=0, waiting=3, held=1)
    assert status.oldest_due_at == NOW + timedelta(seconds=1)
    clock.advance(61)
    status = ledger.status()
    assert status.backlog == fl.Backlog(queued=2, due=3, running=0, waiting=1, held=1)
    v, w = status.workflows
    assert (v.workflow_id, v.workflow_version, v.backlog) == ("v", 1, fl.Backlog(1, 2, 0, 1, 0))
    assert (w.workflow_id, w.oldest_due_at, w.backlog) == ("w", NOW + timedelta(seconds=1), fl.Backlog(1, 1, 0, 0, 1))


@pytest.mark.scaled
def test_the_counts_are_those_of_the_runs_one_by_one(ledger: fl.Ledger, clock: ManualClock) -> None:
    chance = random.Random(7)
    ids: list[str] = []
    for _ in range(tries(60)):
        clock.advance(chance.randrange(40))
        act = chance.randrange(6)
        if act < 3 or not ids:
            payload = chance.choice(["", "fail", "ask", "ask by a deadline"])
            ids.append(ledger.runs.start(chance.choice("wv"), payload=payload, wait=chance.random() < 0.6).id)
        else:
            command = (ledger.runs.hold, ledger.runs.release, ledger.runs.proceed)[act - 3]
            try:
                command(chance.choice(ids))
            except (fl.IllegalTransition, fl.RunHeld):
                continue
    assert ledger.status().backlog == counted(ledger, clock())


def counted(ledger: fl.Ledger, now: datetime) -> fl.Backlog:
    runs = [ledger.runs.get(row.id) for row in ledger.history.runs(limit=1_000)]
    open_runs = [run for run in runs if run.status in ("active", "paused", "error")]
    headers = [ledger.history.header(run.id) for run in open_runs]
    due = [
        header
        for header in headers
        if not header.held
        and ((header.queued and header.next_due_at is None) or (header.next_due_at and header.next_due_at <= now))
    ]
    idle = [header for header in headers if not header.held and header.status in ("paused", "error")]
    return fl.Backlog(
        queued=sum(header.queued and not header.held for header in headers),
        due=len(due),
        running=sum(header.status == "active" and not header.queued for header in headers),
        waiting=sum(header not in due for header in idle),
        held=sum(header.held for header in headers),
    )


def test_what_is_executed_is_running_and_lost_once_its_workers_lease_is_over(
    durable_url: str, executors: fl.ExecutorRegistry
) -> None:
    seen: list[fl.Status] = []

    @executors.register("look")
    def look(step: fl.StepContext) -> None:
        seen.append(observer.status())
        later.advance(31)
        seen.append(observer.status())

    later = ManualClock(NOW)
    with (
        fl.open_ledger(durable_url, executors, ManualClock(NOW)) as ledger,
        fl.open_ledger(durable_url, clock=later) as observer,
    ):
        ledger.workflows.save({"nodes": [{"id": "a", "type": "look"}]}, workflow_id="w")
        run = ledger.runs.start("w")
        ended = observer.status()

    first, second = seen
    assert (first.backlog.running, first.lost) == (1, 0)
    assert [worker.running for worker in first.workers] == [(run.id,)]
    assert (second.backlog.running, second.lost) == (1, 1)
    assert not second.workers[0].is_alive
    assert (ended.backlog.running, ended.lost) == (0, 0)


def test_a_run_that_was_given_up_is_lost_until_somebody_takes_it(ledger: fl.Ledger, clock: ManualClock) -> None:
    with pytest.raises(KeyboardInterrupt):
        ledger.runs.start("w", payload="die")
    assert (ledger.status().lost, ledger.status().backlog.running) == (1, 1)
    clock.advance(60)  # and now the lease is over, too
    assert ledger.status().lost == 1
    (run,) = ledger.history.runs()
    with pytest.raises(KeyboardInterrupt):
        ledger.runs.proceed(run.id)
    assert ledger.status().recoveries == 1


def test_a_run_that_nobody_holds_is_unowned(executors: fl.ExecutorRegistry) -> None:
    now = micros_clock(None)
    with compose(open_store("memory:"), executors, now, StepLimits(MAX_VALUE_BYTES)) as ledger:  # as older releases did
        ledger.workflows.save(TWO, workflow_id="w")
        with pytest.raises(KeyboardInterrupt):
            ledger.runs.start("w", payload="die")
        status = ledger.status()
    assert (status.unowned, status.lost, status.backlog) == (1, 0, fl.Backlog(0, 0, 0, 0, 0))


def test_what_no_worker_can_execute_is_named_with_the_reason(durable_url: str, executors: fl.ExecutorRegistry) -> None:
    with fl.open_ledger(durable_url, executors) as ledger, fl.open_ledger(durable_url, fl.ExecutorRegistry()) as other:
        for workflow in ("w", "v"):
            ledger.workflows.save(TWO, workflow_id=workflow)
            ledger.runs.start(workflow, wait=False)
        assert [(each.workflow_id, each.due, each.reason) for each in ledger.status().stranded] == [
            ("v", 1, "no worker is there"),
            ("w", 1, "no worker is there"),
        ]
        with other.worker(name="web", workflows=["v"], lease=0.3):
            until(lambda: any("ExecutorMissing" in each.reason for each in ledger.status().stranded))
            v, w = ledger.status().stranded
            assert re.match(r"web: ExecutorMissing: .* needs executor 'work'", v.reason)
            assert w.reason == "no worker takes runs of this workflow"
            with ledger.worker(workflows=["w", "v"]):
                until(lambda: ledger.status().backlog == fl.Backlog(0, 0, 0, 0, 0))
                assert ledger.status().stranded == ()


def test_only_postgresql_has_a_pool(ledger: fl.Ledger, store_url: str) -> None:
    pool = ledger.status().pool
    if store_url.startswith("postgresql"):
        assert pool is not None
        assert (pool.size, pool.waiting) == (10, 0)
        assert 0 <= pool.in_use <= pool.size
    else:
        assert pool is None


def test_the_text_for_prometheus_says_the_same(ledger: fl.Ledger, clock: ManualClock) -> None:
    odd = 'back\\slash "quoted"'
    ledger.workflows.save(TWO, workflow_id=odd)
    ledger.runs.start(odd, wait=False)
    ledger.runs.start("w", wait=False)
    ledger.runs.start("w", payload="ask")
    clock.advance(5)
    text = fl.metrics_text(ledger.status())

    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert samples['flowledger_runs{workflow="w",state="waiting"}'] == "1"
    assert samples['flowledger_due_runs{workflow="back\\\\slash \\"quoted\\""}'] == "1"
    assert samples["flowledger_oldest_due_seconds"] == "5"
    assert samples["flowledger_stranded_runs"] == "2"
    assert text.endswith("\n")
    typed = re.findall(r"^# TYPE (\S+) (gauge|counter)$", text, re.M)
    assert len(dict(typed)) == len(typed) == len(re.findall("^# HELP", text, re.M))
    assert {re.split("[{ ]", line)[0] for line in samples} <= dict(typed).keys()


def test_the_status_as_json_has_the_names_that_are_promised(ledger: fl.Ledger) -> None:
    ledger.runs.start("w", wait=False)
    data = ledger.status().to_data()
    assert data.keys() >= {"workers", "backlog", "oldestDueAt", "recoveries", "searchBehind"}
    assert data["backlog"] == {"queued": 1, "due": 1, "running": 0, "waiting": 0, "held": 0}
    assert data["oldestDueAt"] == NOW.isoformat()


# --- health -----------------------------------------------------------------------------------------------------------


def checks_of(health: fl.Health) -> list[tuple[str, bool]]:
    return [(check.name, check.ok) for check in health.checks]


def test_a_store_that_answers_is_healthy(ledger: fl.Ledger) -> None:
    assert checks_of(ledger.health()) == [("store", True), ("index", True)]
    assert ledger.health().ok


def test_a_store_that_does_not_answer_is_not(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise fl.StorageUnavailable("the server is down")

    monkeypatch.setattr(ledger._store.recorder, "query", refuse)
    health = ledger.health("one")
    assert (health.ok, health.checks) == (False, (fl.HealthCheck("store", False, "the server is down"),))


def test_an_index_of_other_code_is_told(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowledger.infrastructure.queries.index.reader.INDEX_REVISION", 99)
    assert checks_of(ledger.health()) == [("store", True), ("index", False)]


def test_a_worker_that_stops_renewing_its_lease_is_told(
    store_url: str, executors: fl.ExecutorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, renewals = ManualClock(NOW), Event()
    with fl.open_ledger(store_url, executors, clock) as ledger, ledger.worker(name="one") as worker:
        until(lambda: ("worker", True) in checks_of(ledger.health()))
        assert ledger.health("one").ok
        assert not ledger.health("two").ok
        monkeypatch.setattr(worker._work.custody, "renew", renewals.set)
        clock.advance(31)
        assert checks_of(ledger.health())[2:] == [("worker", False)]
        assert not ledger.health("one").ok
        worker.stop()
        assert checks_of(ledger.health())[2:] == []


def test_what_workers_log_says_of_which_worker_and_run_it_is(durable_url: str, executors: fl.ExecutorRegistry) -> None:
    with (
        Told.listening() as told,
        fl.open_ledger(durable_url, executors) as ledger,
        fl.open_ledger(durable_url, fl.ExecutorRegistry()) as other,
    ):
        ledger.workflows.save(TWO, workflow_id="w")
        ledger.runs.start("w", wait=False)
        with other.worker(name="web"):
            until(lambda: any(record.name == "flowledger.workers" for record in told.records))
    record = next(record for record in told.records if record.name == "flowledger.workers")
    assert "needs executor 'work'" in record.getMessage()
    assert vars(record)["worker"] == "web"
