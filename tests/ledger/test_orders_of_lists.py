"""Lists sorted by start, end, last activity and duration: all their pages, both ways, against sorting by hand."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.queries.index import reader

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAR = timedelta(days=100_000)
KEYS: dict[str, Callable[[Any], Any]] = {
    "started": lambda row: began(row),
    "ended": lambda row: row.finished_at or began(row) + FAR,
    "activity": lambda row: row.last_event_at,
    "duration": lambda row: (row.finished_at - began(row)) if row.finished_at else began(row) - NOON + FAR,
}
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"status": "failed"},
    {"status": ("completed", "paused")},
    {"workflow_id": "w", "by": "bob"},
    {"text": "odd"},
    {"where": "payload.number > 10"},
)


def began(row: fl.RunSummary | fl.WorkOrderSummary) -> datetime:
    return row.started_at if isinstance(row, fl.RunSummary) else row.opened_at


@pytest.fixture
def ledger(store_url: str) -> Iterator[fl.Ledger]:
    """Runs that take as long as they are told, wait, fail, are retried, noted about, and rejected."""
    now = [NOON]
    executors = fl.ExecutorRegistry()

    @executors.register("do")
    def do(step: fl.StepContext) -> Any:
        number = step.payload["number"]
        now[0] += timedelta(seconds=number * 7 % 5)
        if number % 5 == 1:
            return fl.Pause("?") if step.answer is None else None
        if number % 5 == 2:
            raise ValueError("no luck")
        return None

    with fl.open_ledger(store_url, executors, clock=lambda: now[0]) as opened:
        executors.register("typed", input={"required": ["n"]})(lambda step: None)
        opened.workflows.save({"nodes": [{"id": "n", "type": "typed"}]}, workflow_id="typed", by="ada")
        for workflow_id in ("w", "v"):
            opened.workflows.save({"nodes": [{"id": "n", "type": "do"}]}, workflow_id=workflow_id, by="ada")
        runs = []
        for number in range(24):
            now[0] += timedelta(seconds=number % 3)
            payload = {"number": number, "word": "odd" if number % 2 else "even"}
            run = opened.runs.start("wv"[number % 2], payload, by="bob" if number % 4 else "ada", wait=number % 7 != 6)
            runs.append(run)
        for run in runs[::3]:
            now[0] += timedelta(seconds=1)
            opened.runs.set_metadata(run.id, {"seen": True}, by="ops")
        for run in runs:
            now[0] += timedelta(seconds=1)
            if run.status == "paused" and run.started_at.second % 2:
                opened.runs.resume(run.id, by="ops")
            elif run.status == "failed" and run.started_at.second % 2:
                opened.runs.retry(run.id, by="ops")
        with pytest.raises(fl.WorkOrderRejected):
            opened.runs.start("typed", by="eve")
        yield opened


def pages(found: Callable[..., fl.Page[Any]], **asked: Any) -> list[Any]:
    rows: list[Any] = []
    after = None
    while True:
        page = found(after=after, limit=4, **asked)
        rows += page
        if (after := page.next) is None:
            return rows


@pytest.mark.parametrize("few", [0, 5_000], ids=["walking all", "sorting what matches"])
def test_every_order_is_that_of_sorting_by_hand(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(reader, "FEW", few)
    for filters in FILTERS:
        newest = pages(ledger.history.runs, **filters)
        assert newest, filters
        for by, value in KEYS.items():
            shown = pages(ledger.history.runs, sort=by, **filters)
            assert list(map(value, shown)) == sorted(map(value, newest)), (filters, by)
            assert {run.id for run in shown} == {run.id for run in newest}
            # Ties are broken by the place in the log, so the one order is the other backwards.
            assert pages(ledger.history.runs, sort=f"-{by}", **filters) == shown[::-1], (filters, by)


def test_every_order_of_work_orders_is_that_of_sorting_by_hand(ledger: fl.Ledger) -> None:
    filters: dict[str, Any]
    for filters in ({}, {"state": "success"}, {"workflow_id": "w"}, {"state": "rejected"}):
        newest = pages(ledger.history.work_orders, **filters)
        assert newest, filters
        for by, value in KEYS.items():
            shown = pages(ledger.history.work_orders, sort=by, **filters)
            assert list(map(value, shown)) == sorted(map(value, newest)), (filters, by)
            assert {order.id for order in shown} == {order.id for order in newest}
            assert pages(ledger.history.work_orders, sort=f"-{by}", **filters) == shown[::-1], (filters, by)


def test_the_last_activity_is_the_time_of_the_last_event(ledger: fl.Ledger) -> None:
    for run in ledger.history.runs(limit=100):
        *_, last = ledger.history.events(run.id)
        assert run.last_event_at == last.recorded_at
    for order in ledger.history.work_orders(limit=100):
        *_, last = ledger.history.events(order.last_run_id or order.id)
        assert order.last_event_at == last.recorded_at
        run = None if order.last_run_id is None else ledger.history.header(order.last_run_id)
        assert order.finished_at == (last.recorded_at if run is None else run.finished_at)
    assert ledger.verify().ok


def test_what_is_executed_is_active_now_and_shows_its_plain_steps(store_url: str) -> None:
    now, seen = [NOON], []
    executors = fl.ExecutorRegistry()
    executors.register("pass")(lambda step: None)

    @executors.register("look")
    def look(step: fl.StepContext) -> None:
        (running,) = opened
        now[0] += timedelta(hours=1)
        later = running.runs.start("quick").id
        seen.append((later, running.history.runs(sort="-activity"), running.history.work_orders(sort="-activity")))

    opened: list[fl.Ledger] = []
    edges = [{"source": "a", "target": "b"}]
    with fl.open_ledger(store_url, executors, clock=lambda: now[0]) as ledger:
        opened.append(ledger)
        ledger.workflows.save({"nodes": [{"id": "q", "type": "pass"}]}, workflow_id="quick")
        nodes = [{"id": "a", "type": "pass"}, {"id": "b", "type": "look"}]
        ledger.workflows.save({"nodes": nodes, "edges": edges}, workflow_id="w")
        run = ledger.runs.start("w")
        ((later, runs, orders),) = seen
        assert [(row.id, row.last_event_at) for row in runs] == [(run.id, NOON), (later, NOON + timedelta(hours=1))]
        assert [order.last_run_id for order in orders] == [run.id, later]
        assert orders.items[0].last_event_at == NOON
        assert [row.id for row in ledger.history.runs(sort="-activity")] == [later, run.id]  # the later of two at once


def test_an_order_of_now_is_not_asked_as_of_a_past_time(ledger: fl.Ledger) -> None:
    assert [run.id for run in ledger.history.runs(as_of=NOON + FAR, sort="started", limit=1)]
    with pytest.raises(fl.InvalidRequest, match="sort by ended is known of now alone"):
        ledger.history.runs(as_of=NOON, sort="ended")
    with pytest.raises(fl.InvalidRequest, match="sort 'newest' does not exist: it is one of -started, started"):
        ledger.history.runs(sort="newest")
    with pytest.raises(fl.InvalidRequest, match="made with other filters"):
        ledger.history.runs(sort="ended", after=ledger.history.runs(limit=1).next)
