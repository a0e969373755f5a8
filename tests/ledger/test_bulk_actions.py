"""Many runs retried or cancelled as a thing that is stored: asked for, worked on, stopped, resumed by another."""

import asyncio
from collections import Counter
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.services.bulk import work as bulk_work
from flowledger.testing import ManualClock

from ..operations.until import until
from .harness import Harness, line, raiser

FAIL = raiser(fl.NonRetryable("no luck"))


@pytest.fixture
def failed(harness: Harness) -> list[str]:
    ids = [harness.start(FAIL, payload=number).id for number in range(5)]
    harness.do = lambda step: step.payload
    return ids


def drain(harness: Harness) -> None:
    """Execute what is queued."""
    for run in harness.ledger.history.runs(queued=True, limit=1_000):
        harness.ledger.runs.proceed(run.id)


def test_an_action_is_stored_before_anything_is_done(harness: Harness, failed: list[str]) -> None:
    action = harness.ledger.bulk.request("retry", failed, by="dana", reason="fixed on v9")
    assert (action.status, action.count, action.done, action.taken) == ("running", 5, 0, False)
    assert (action.by, action.reason) == ("dana", "fixed on v9")
    assert len(harness.ledger.history.runs()) == 5


def test_each_run_is_retried_once_in_the_name_of_who_asked(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    action = bulk.run(bulk.request("retry", failed, by="dana").id)
    assert (action.status, action.done, action.outcomes) == ("finished", 5, {"retried": 5})
    items = bulk.items(action.id)
    assert [item.run_id for item in items] == failed
    assert {harness.ledger.history.lineage(str(item.new_run_id)).run.by for item in items} == {"dana"}
    assert action.runs == {"active": 5}
    drain(harness)
    assert bulk.get(action.id).runs == {"completed": 5}
    assert bulk.run(action.id).outcomes == {"retried": 5}
    assert len(harness.ledger.history.runs()) == 10


def test_why_it_was_asked_for_is_on_record_in_each_new_run(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    action = bulk.run(bulk.request("retry", failed[:2], by="dana", reason="fixed on v9").id)
    for item in bulk.items(action.id):
        first = next(iter(harness.ledger.history.events(str(item.new_run_id))))
        assert first.data["reason"] == "fixed on v9"


def test_a_cancellation_skips_what_has_ended(harness: Harness, failed: list[str]) -> None:
    paused = [harness.start(lambda step: fl.Pause("review")).id for _ in range(3)]
    bulk = harness.ledger.bulk
    action = bulk.run(bulk.request("cancel", [*paused, failed[0]], by="ivo", reason="recalled").id)
    assert action.outcomes == {"cancelled": 3, "skipped": 1}
    assert [harness.ledger.runs.get(run_id).status for run_id in paused] == ["cancelled"] * 3
    (last,) = bulk.items(action.id, outcome="skipped")
    assert (last.run_id, last.reason) == (failed[0], "it has ended already")


def mixed(harness: Harness) -> list[str]:
    """Runs of every kind, one that isn't there among them."""
    failed = [harness.start(FAIL).id for _ in range(3)]
    completed = harness.start(lambda step: None).id
    paused = harness.start(lambda step: fl.Pause("review")).id
    harness.do = FAIL
    again = harness.ledger.runs.retry(failed[0]).id
    return [*failed, completed, paused, again, "0" * 36]


@pytest.mark.parametrize("act", ["retry", "cancel"])
def test_what_is_foreseen_is_what_happens(harness: Harness, act: Any) -> None:
    runs = mixed(harness)
    bulk = harness.ledger.bulk
    foreseen = bulk.preview(act, runs)
    action = bulk.run(bulk.request(act, runs).id)
    done = {"retry": "retried", "cancel": "cancelled"}[act]
    assert action.outcomes.get(done, 0) == foreseen.can
    reasons = Counter((str(item.outcome), item.reason) for item in bulk.items(action.id) if item.outcome != done)
    assert reasons == {(one.outcome, one.reason): one.count for one in foreseen.obstacles}
    assert foreseen.can + sum(one.count for one in foreseen.obstacles) == foreseen.count == action.count == 7


def test_a_preview_says_which_version_would_run_and_what_acts_again(harness: Harness, failed: list[str]) -> None:
    harness.executors.register("charge", effects=True)(FAIL)
    nodes = [{"id": "only", "type": "do"}, {"id": "pay", "type": "charge"}]
    edges = [{"source": "only", "target": "pay"}]
    harness.ledger.workflows.save({"nodes": nodes, "edges": edges}, workflow_id="w")
    run = harness.start(lambda step: None)
    preview = harness.ledger.bulk.preview("retry", [*failed, run.id], effects=True)
    assert preview.workflows == {"w": 2}
    assert preview.effects == {"charge": 1}
    assert harness.ledger.bulk.preview("retry", failed).effects is None


def test_a_retry_from_a_node_that_the_live_version_lacks_is_counted_as_refused(
    harness: Harness, failed: list[str]
) -> None:
    preview = harness.ledger.bulk.preview("retry", failed, from_node="gone")
    assert (preview.can, [one.count for one in preview.obstacles]) == (0, [5])
    assert "'gone' is not in version 1" in preview.obstacles[0].reason


def test_an_archived_workflow_is_counted_as_refused(harness: Harness, failed: list[str]) -> None:
    harness.ledger.workflows.archive("w")
    bulk = harness.ledger.bulk
    assert bulk.preview("retry", failed).can == 0
    assert bulk.run(bulk.request("retry", failed).id).outcomes == {"refused": 5}


def test_all_that_match_are_those_of_the_moment(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    action = bulk.request("retry", matching={"status": "failed", "workflow_id": "w"})
    later = harness.start(FAIL).id
    assert action.selection == {"status": "failed", "workflow_id": "w"}
    assert [item.run_id for item in bulk.items(action.id)] == failed
    assert later not in failed


def test_other_runs_than_those_of_the_preview_are_refused(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    seen = bulk.preview("retry", matching={"status": "failed"})
    harness.start(FAIL)
    with pytest.raises(fl.ConcurrencyError):
        bulk.request("retry", matching={"status": "failed"}, digest=seen.digest)
    assert len(bulk.list()) == 0


def test_the_same_key_is_one_action(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    first = bulk.request("retry", failed, idempotency_key="k")
    assert bulk.request("retry", failed, idempotency_key="k") == first
    with pytest.raises(fl.IdempotencyConflict) as refusal:
        bulk.request("retry", failed[:1], idempotency_key="k")
    assert refusal.value.bulk_id == first.id
    assert len(bulk.list()) == 1


def test_a_stopped_action_begins_no_other_run(
    harness: Harness, failed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk = harness.ledger.bulk
    action = bulk.request("retry", failed)
    do_item = bulk_work.do_item

    def stop_at_the_second(*given: Any) -> Any:
        result = do_item(*given)
        if given[2]["run_id"] == failed[1]:
            bulk.stop(action.id, by="ivo", reason="wrong ones")
        return result

    monkeypatch.setattr(bulk_work, "do_item", stop_at_the_second)
    stopped = bulk.run(action.id)
    assert (stopped.status, stopped.done, stopped.outcomes) == ("stopped", 2, {"retried": 2})
    assert (stopped.stopped_by, stopped.stop_reason) == ("ivo", "wrong ones")
    assert bulk.run(action.id).done == 2
    assert len(bulk.items(action.id, outcome="open")) == 3
    with pytest.raises(fl.IllegalTransition, match="stopped already, by ivo"):
        bulk.stop(action.id)


def test_a_finished_action_cannot_be_stopped(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    action = bulk.run(bulk.request("retry", failed).id)
    with pytest.raises(fl.IllegalTransition, match="has finished"):
        bulk.stop(action.id)


class Crash(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("behind", [0, 1, 4])
def test_after_a_crash_another_process_goes_on_and_nothing_is_done_twice(
    store_url: str, behind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    executors = fl.ExecutorRegistry()
    executors.register("do")(FAIL)
    with fl.open_ledger(store_url, executors, clock) as ledger:
        ledger.workflows.save(line("a"), workflow_id="w")
        failed = [ledger.runs.start("w").id for _ in range(5)]
        action = ledger.bulk.request("retry", failed)
        do_item = bulk_work.do_item

        def crash_behind(*given: Any) -> Any:
            do_item(*given)
            if given[2]["run_id"] == failed[behind]:
                raise Crash
            return do_item(*given)

        monkeypatch.setattr(bulk_work, "do_item", crash_behind)
        worker = bulk_work.BulkWork(ledger.bulk._services, "one")
        with pytest.raises(Crash):
            worker.advance()
        monkeypatch.setattr(bulk_work, "do_item", do_item)

        other = bulk_work.BulkWork(ledger.bulk._services, "two")
        assert not other.advance(), "the first one may be at work yet"
        assert ledger.bulk.get(action.id).taken
        clock.advance(31)
        assert other.advance()
        assert ledger.bulk.get(action.id).outcomes == {"retried": 5}
        assert len(ledger.history.runs()) == 10
        assert worker.advance() is False, "it has been taken over, and is done"


def test_of_two_that_work_at_once_one_records_each_result(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    action = bulk.request("cancel", [harness.start(lambda step: fl.Pause("review")).id for _ in range(30)])
    workers = [bulk_work.BulkWork(bulk._services, name) for name in ("one", "two")]
    assert workers[0].advance()
    state = workers[0]._state(action.id)
    state.recorded_at -= bulk_work.LEASE_MICROS  # as one sees it whose clock is ahead
    taken_over = workers[1]
    taken_over._states[action.id] = state
    while taken_over.advance_one(action.id) or workers[0].advance_one(action.id):
        pass
    assert bulk.get(action.id).outcomes == {"cancelled": 30}
    assert [item.number for item in bulk.items(action.id)] == list(range(1, 31))


def test_what_was_cancelled_before_a_crash_counts_as_cancelled(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk = harness.ledger.bulk
    action = bulk.request("cancel", [harness.start(lambda step: fl.Pause("review")).id for _ in range(2)])
    do_item = bulk_work.do_item

    def crash(*given: Any) -> Any:
        do_item(*given)
        raise Crash

    monkeypatch.setattr(bulk_work, "do_item", crash)
    with pytest.raises(Crash):
        bulk.run(action.id)
    monkeypatch.setattr(bulk_work, "do_item", do_item)
    assert bulk.run(action.id).outcomes == {"cancelled": 2}


def test_who_was_taken_over_in_a_lot_records_nothing_of_it(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    executors = fl.ExecutorRegistry()
    executors.register("do")(FAIL)
    with fl.open_ledger(store_url, executors, clock) as ledger:
        ledger.workflows.save(line("a"), workflow_id="w")
        action = ledger.bulk.request("retry", [ledger.runs.start("w").id for _ in range(3)])
        slow, other = (bulk_work.BulkWork(ledger.bulk._services, name) for name in ("slow", "other"))
        do_item = bulk_work.do_item

        def stall(*given: Any) -> Any:
            monkeypatch.setattr(bulk_work, "do_item", do_item)
            clock.advance(31)
            assert other.advance()
            return do_item(*given)

        monkeypatch.setattr(bulk_work, "do_item", stall)
        slow.advance()
        done = ledger.bulk.get(action.id)
        assert (done.done, done.outcomes) == (3, {"retried": 3})
        assert len(ledger.history.runs()) == 6
        assert ledger.verify().ok


def test_who_leaves_hands_over_at_once(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    action = bulk.request("cancel", [harness.start(lambda step: fl.Pause("review")).id for _ in range(30)])
    first, second = (bulk_work.BulkWork(bulk._services, name) for name in ("one", "two"))
    assert first.advance()
    assert not second.advance()
    first.leave()
    assert not bulk.get(action.id).taken
    assert second.advance()
    assert bulk.get(action.id).status == "finished"


def test_a_worker_works_on_it(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    action = bulk.request("retry", failed)
    with harness.ledger.worker():
        until(lambda: bulk.get(action.id).runs == {"completed": 5})
    assert bulk.get(action.id).status == "finished"


async def test_a_worker_of_tasks_works_on_it(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    action = await bulk.arequest("retry", failed)
    async with harness.ledger.aworker():
        await asyncio.to_thread(until, lambda: bulk.get(action.id).runs == {"completed": 5})


def test_items_come_in_pages_of_an_outcome(harness: Harness) -> None:
    runs = mixed(harness)
    bulk = harness.ledger.bulk
    action = bulk.run(bulk.request("retry", runs).id)
    pages, after = [], None
    while True:
        page = bulk.items(action.id, after=after, limit=2)
        pages.append([item.run_id for item in page])
        after = page.next
        if after is None:
            break
    assert [run for page in pages for run in page] == runs
    assert [item.run_id for item in bulk.items(action.id, outcome="refused", limit=1)] == [runs[4]]
    assert len(bulk.items(action.id, status="active")) == action.outcomes["retried"]


def test_actions_are_listed_newest_first(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    ids = [bulk.request("retry", [run_id]).id for run_id in failed]
    first = bulk.list(limit=2)
    second = bulk.list(after=first.next, limit=3)
    assert [action.id for action in (*first, *second)] == ids[::-1]
    assert second.next is None


def test_what_was_asked_stands_in_the_trail(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    action = bulk.request("retry", failed, by="dana", reason="fixed on v9")
    bulk.stop(action.id, by="ivo")
    stop, ask = harness.ledger.history.trail(limit=2)
    assert (ask.by, ask.kind, ask.subject) == ("dana", "bulk action", action.id)
    assert ask.summary == f"asked to retry 5 runs: fixed on v9, as bulk action {action.id}"
    assert (stop.by, stop.summary) == ("ivo", f"stopped bulk action {action.id}")


def test_a_store_with_bulk_actions_is_sound(harness: Harness, failed: list[str]) -> None:
    bulk = harness.ledger.bulk
    bulk.run(bulk.request("retry", failed, by="dana").id)
    bulk.stop(bulk.request("cancel", failed).id)
    report = harness.ledger.verify(deep=True)
    assert report.findings == ()
    harness.ledger.rebuild()
    assert harness.ledger.verify(deep=True).findings == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"act": "hold", "runs": ["r"]}, "neither retry nor cancel"),
        ({"act": "retry"}, "name the runs"),
        ({"act": "retry", "runs": ["r"], "matching": {}}, "name the runs"),
        ({"act": "retry", "runs": "r"}, "list of run ids"),
        ({"act": "retry", "runs": []}, "nothing to do"),
        ({"act": "retry", "matching": {"state": "failed"}}, "no filter 'state'"),
        ({"act": "retry", "matching": {"status": "lost"}}, "lost"),
        ({"act": "cancel", "runs": ["r"], "from_node": "a"}, "for a retry"),
        ({"act": "retry", "runs": ["r"], "by": ""}, "an actor is text"),
        ({"act": "retry", "runs": ["r"], "reason": 7}, "not text"),
    ],
)
def test_a_request_that_makes_no_sense_leaves_nothing(memory_desk: Harness, given: dict[str, Any], said: str) -> None:
    written = memory_desk.written()
    with pytest.raises(fl.InvalidRequest, match=said):
        memory_desk.ledger.bulk.request(**given)
    assert memory_desk.written() == written


def test_an_unknown_action_is_not_found(memory_desk: Harness) -> None:
    with pytest.raises(fl.BulkActionNotFound):
        memory_desk.ledger.bulk.get("nobody")
