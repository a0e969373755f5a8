"""The list of open waits: of the whole store, oldest first, in pages that stay put, the same after a rebuild."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowledger as fl

from ..effort import tries
from ..storage.index import index_of

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
TWO = {
    "nodes": [{"id": "manager", "type": "ask"}, {"id": "director", "type": "ask"}],
    "edges": [{"source": "manager", "target": "director"}],
}


class Office:
    """A ledger whose runs ask two people, each with a deadline of so many hours as the payload says."""

    def __init__(self, url: str) -> None:
        self.now = START
        executors = fl.ExecutorRegistry()
        executors.register("ask")(self.ask)
        executors.register("flaky", retry=fl.RetryPolicy(max_retries=3, interval=60.0))(self.fail)
        self.ledger = fl.open_ledger(url, executors, clock=self.tick)
        self.runs, self.history = self.ledger.runs, self.ledger.history
        for workflow_id in ("w", "v"):
            self.ledger.workflows.save(TWO, workflow_id=workflow_id, by="ada")
        self.ledger.workflows.save({"nodes": [{"id": "f", "type": "flaky"}]}, workflow_id="flaky", by="ada")

    def tick(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    def ask(self, step: fl.StepContext) -> Any:
        if step.answer is not None:
            return step.answer.payload
        hours = (step.payload or {}).get("hours")
        until = None if hours is None else START + timedelta(hours=hours)
        return fl.Pause(f"{step.node.id}?", until=until, answer={"type": "object"})

    def fail(self, step: fl.StepContext) -> None:
        raise TimeoutError("slow")

    def start(self, workflow_id: str = "w", **payload: Any) -> fl.Run:
        return self.runs.start(workflow_id, payload=payload, by="shop")

    def listed(self, **filters: Any) -> list[str]:
        """Run and node of each, from pages of two."""
        found: list[str] = []
        after: str | None = None
        while True:
            page = self.history.waits(**filters, limit=2, after=after)
            found += [wait.id for wait in page]
            after = page.next
            if after is None:
                return found


@pytest.fixture
def office(store_url: str) -> Iterator[Office]:
    office = Office(store_url)
    yield office
    office.ledger.close()


def ids(*runs: fl.Run) -> list[str]:
    return [run.waits[0].id for run in runs]


def test_every_open_question_is_listed_oldest_first(office: Office) -> None:
    first, second, third = office.start(hours=5), office.start("v"), office.start(hours=1)
    assert office.listed() == ids(first, second, third)
    moved = office.runs.resume(first.id, payload={}, by="bob")
    assert moved.waits[0].node_id == "director"
    assert office.listed() == ids(second, third, moved), "its second question is younger"
    office.runs.cancel(second.id, by="ops")
    office.runs.resume(moved.id, payload={}, by="bob")
    assert office.listed() == ids(third)


def test_a_wait_in_the_list_says_all_that_the_run_says_of_it(office: Office) -> None:
    run = office.start(hours=5)
    (wait,) = run.waits
    (listed,) = office.history.waits()
    assert listed == fl.WaitSummary(
        id=wait.id,
        run_id=run.id,
        work_order_id=run.work_order_id,
        workflow_id="w",
        workflow_version=1,
        node_id="manager",
        reason="manager?",
        asked_at=wait.asked_at,
        until=START + timedelta(hours=5),
        answer={"type": "object"},
        version=wait.version,
        held=False,
        by="shop",
    )
    office.runs.hold(run.id, by="ops")
    assert [wait.held for wait in office.history.waits()] == [True]
    office.runs.release(run.id, by="ops")
    assert [wait.held for wait in office.history.waits()] == [False]


def test_the_filters(office: Office) -> None:
    first, second, third = office.start(hours=5), office.start("v", hours=3), office.start()
    moved = office.runs.resume(third.id, payload={}, by="bob")
    assert office.listed(workflow_id="v") == ids(second)
    assert office.listed(node="director") == ids(moved)
    assert office.listed(workflow_id="w", node="manager") == ids(first)
    assert office.listed(due_before=START + timedelta(hours=3)) == []
    assert office.listed(due_before=START + timedelta(hours=3, microseconds=1)) == ids(second)
    assert office.listed(due_before=START + timedelta(days=900)) == ids(first, second)
    office.runs.hold(second.id, by="ops")
    assert office.listed(due_before=START + timedelta(days=900), workflow_id="v") == ids(second), "held, and overdue"
    with pytest.raises(fl.WorkflowNotFound):
        office.history.waits(workflow_id="x")


@pytest.mark.parametrize(
    "bad", [{"node": 7}, {"workflow_id": "a\0b"}, {"due_before": "today"}, {"due_before": START.replace(tzinfo=None)}]
)
def test_bad_filters_are_refused(bad: dict[str, Any]) -> None:
    with fl.open_ledger("memory:") as ledger, pytest.raises(fl.InvalidRequest):
        ledger.history.waits(**bad)


def test_a_page_stays_put_while_others_ask_and_answer(office: Office) -> None:
    runs = [office.start() for _ in range(6)]
    page = office.history.waits(limit=3)
    office.runs.resume(runs[0].id, payload={}, by="bob")
    office.start()
    following = office.history.waits(limit=3, after=page.next)
    assert [wait.id for wait in (*page, *following)] == ids(*runs)
    with pytest.raises(fl.InvalidRequest, match="other filters"):
        office.history.waits(node="manager", after=page.next)


def test_a_fork_asks_what_its_source_asked_under_an_id_of_its_own(office: Office) -> None:
    run = office.start(hours=5)
    fork = office.runs.fork(run.id, by="ada")
    listed = office.history.waits()
    assert [wait.id for wait in listed] == [run.waits[0].id, f"{fork.id}:1"]
    assert (listed[1].reason, listed[1].until, listed[1].answer) == ("manager?", listed[0].until, {"type": "object"})
    office.runs.resume(fork.id, payload={}, by="bob", wait=listed[1].id)
    first, *_ = office.history.audit(fork.id).pauses
    assert (first.version, first.reason, first.ended_by) == (1, "manager?", "bob")
    assert office.listed(node="manager") == ids(run)


def test_lists_of_runs_say_what_is_due_held_asked_and_queued(office: Office) -> None:
    asked, plain, retried = office.start(hours=5), office.start(), office.runs.start("flaky")
    held = office.runs.hold(office.start(hours=1).id, by="ops")
    queued = office.runs.start("flaky", wait=False)
    told = {run.id: (run.next_due_at, run.waits, run.held, run.queued) for run in office.history.runs(limit=50)}
    assert told == {
        asked.id: (START + timedelta(hours=5), True, False, False),
        plain.id: (None, True, False, False),
        retried.id: (retried.next_due_at, False, False, False),
        held.id: (None, True, True, False),
        queued.id: (None, False, False, True),
    }
    then = office.history.runs(as_of=office.now, status="paused")
    assert {(run.next_due_at, run.waits, run.held, run.queued) for run in then} == {(None, None, None, None)}


ACTS = st.lists(
    st.sampled_from(["start", "answer", "hold", "release", "fork", "cancel", "flaky", "proceed"]), max_size=20
)


@given(acts=ACTS, seed=st.randoms(use_true_random=False))
@settings(max_examples=tries(40), deadline=None)
def test_the_list_is_what_the_runs_say_and_the_same_after_a_rebuild(acts: list[str], seed: Any) -> None:
    office = Office("memory:")
    runs = [office.start(hours=1).id]
    for act in acts:
        run_id = seed.choice(runs)
        try:
            match act:
                case "start":
                    runs.append(office.start(seed.choice("wv"), hours=seed.choice([None, 1, 9])).id)
                case "answer":
                    office.runs.resume(run_id, payload={}, by="bob")
                case "hold":
                    office.runs.hold(run_id, by="ops")
                case "release":
                    office.runs.release(run_id, by="ops")
                case "fork":
                    runs.append(office.runs.fork(run_id, by="ada").id)
                case "cancel":
                    office.runs.cancel(run_id, by="ops")
                case "flaky":
                    runs.append(office.runs.start("flaky").id)
                case _:
                    office.runs.proceed(run_id, by="cron")
        except fl.IllegalTransition:
            continue
    states = {run_id: office.runs.get(run_id) for run_id in runs}
    open_waits = {wait.id: run.held is not None for run in states.values() for wait in run.waits}
    assert {wait.id: wait.held for wait in office.history.waits(limit=1000)} == open_waits
    assert office.listed() == [wait.id for wait in office.history.waits(limit=1000)]
    for row in office.history.runs(limit=1000):
        run = states[row.id]
        assert (row.waits, row.held, row.next_due_at) == (bool(run.waits), run.held is not None, run.next_due_at)
    before = index_of(office.ledger._store)
    office.ledger.rebuild()
    assert index_of(office.ledger._store) == before
    assert office.ledger.verify(deep=True).ok
