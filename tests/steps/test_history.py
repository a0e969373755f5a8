"""Steps and failures through the door: what a filter by value sees, who can be retried, what is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.queries.search import runs as searched
from flowledger.infrastructure.queries.steps import page as step_pages

ORDER = {
    "nodes": [{"id": "call", "type": "call"}, {"id": "items", "type": "items"}, {"id": "end", "type": "end"}],
    "edges": [
        {"source": "call", "target": "items"},
        {"source": "items", "target": "items", "sourceHandle": "next"},
        {"source": "items", "target": "end", "sourceHandle": "done"},
    ],
    "start": "call",
}


@pytest.fixture
def now() -> list[datetime]:
    return [datetime(2026, 3, 1, tzinfo=UTC)]


@pytest.fixture
def ledger(store_url: str, now: list[datetime]) -> Iterator[fl.Ledger]:
    executors = fl.ExecutorRegistry()

    @executors.register("call", retry=fl.RetryPolicy(max_retries=1, interval=0))
    def call(step: fl.StepContext) -> None:
        now[0] += timedelta(seconds=7 if step.attempt == 1 else 1)
        if step.attempt == 1:
            raise TimeoutError(f"no answer from 10.0.0.{step.payload['n']}")

    @executors.register("fail")
    def fail(step: fl.StepContext) -> Any:
        if step.payload.get("fails", True):
            raise ValueError(f"order {step.payload['n']} has no address")

    executors.register("items")(
        lambda step: fl.StepResult({"sku": f"s{step.runs}"}, "next" if step.runs < 2 else "done")
    )
    executors.register("end")(lambda step: step.payload)
    with fl.open_ledger(store_url, executors, clock=lambda: now[0]) as opened:
        opened.workflows.save(ORDER, workflow_id="w", by="ada")
        opened.workflows.save({"nodes": [{"id": "n", "type": "fail"}]}, workflow_id="f", by="ada")
        yield opened


def order(ledger: fl.Ledger, n: int, **payload: Any) -> str:
    return ledger.runs.proceed(ledger.runs.start("w", payload={"n": n, **payload}).id).id


def test_a_failed_attempt_is_found_though_its_run_was_retried_and_has_completed(ledger: fl.Ledger) -> None:
    done = [order(ledger, n) for n in (1, 2)]
    history = ledger.history
    page = history.steps(error_type="TimeoutError")
    assert ([step.run_id for step in page], page.behind) == (done[::-1], 0.0)
    assert [step.message for step in page] == ["no answer from 10.0.0.2", "no answer from 10.0.0.1"]
    assert [step.attempt for step in history.steps("w", node="call")] == [2, 1, 2, 1]
    assert {step.run_id for step in history.steps(longer_than=timedelta(seconds=5))} == set(done)
    assert not history.steps(longer_than=7)
    assert not history.runs(error_type="TimeoutError")


def test_an_earlier_result_of_a_loop_is_found_by_its_value(ledger: fl.Ledger) -> None:
    run = order(ledger, 1, customer="acme")
    other = order(ledger, 2, customer="zorro")
    ledger.runs.set_metadata(other, {"ticket": "T-1"}, by="bob")
    steps = ledger.history.steps
    assert [(step.run_id, step.handle) for step in steps(where="output.sku=s0")] == [(other, "next"), (run, "next")]
    assert {step.run_id for step in steps(where="payload.customer=acme")} == {run}
    assert {step.run_id for step in steps(where=["metadata.ticket=T-1", "output.sku=s1"])} == {other}
    assert {step.node_id for step in steps(where='error.message.contains("10.0.0.2")')} == {"call"}
    assert not steps(where="output.sku=s9")
    first = steps(where="output.sku=s0", limit=1)
    assert [step.run_id for step in steps(where="output.sku=s0", limit=1, after=first.next)] == [run]


def test_a_payload_that_is_too_large_for_the_search_is_read_from_the_events(ledger: fl.Ledger) -> None:
    run = order(ledger, 1, text="y" * 50_000, customer="acme")
    assert {step.run_id for step in ledger.history.steps(where="payload.customer=acme")} == {run}


def test_no_page_looks_at_more_steps_than_it_says(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_pages, "MAX_CANDIDATES", 3)
    monkeypatch.setattr(step_pages, "AT_ONCE", 3)
    order(ledger, 1)
    with pytest.raises(fl.InvalidRequest, match="narrow it down"):
        ledger.history.steps(where="output.sku=never")
    assert ledger.history.steps(where="payload.n=1", node="end")


def test_groups_say_which_of_their_runs_can_be_retried(ledger: fl.Ledger, now: list[datetime]) -> None:
    failed = [ledger.runs.start("f", payload={"n": n}).id for n in range(4)]
    now[0] += timedelta(days=1)
    ledger.runs.retry(failed[0])  # fails once more: a fifth failure, which can be retried
    ledger.runs.reproduce(failed[1])
    ledger.runs.retry(failed[2], by="ada", wait=False)
    (group,) = ledger.history.failures("f")
    assert (group.count, group.message) == (6, "order … has no address")
    assert [count.count for count in group.days] == [4, 2]
    everyone = [step.run_id for step in ledger.history.steps("f")]
    assert len(everyone) == 6
    assert group.retryable == sum(can_be_retried(ledger, run) for run in everyone) == 4
    assert group.retried == 2
    ledger.workflows.archive("f")
    (group,) = ledger.history.failures("f")
    assert (group.retryable, group.retried) == (0, 2)


def test_the_runs_of_a_group_are_listed_and_filtered_as_all_runs(ledger: fl.Ledger) -> None:
    order(ledger, 1)
    failed = [ledger.runs.start("f", payload={"n": n}, by=by).id for n, by in ((1, "ada"), (2, "bob"), (3, "ada"))]
    ledger.runs.start("f", payload={"fails": False})
    (group,) = ledger.history.failures()
    page = ledger.history.runs(failure=group.id, limit=2)
    assert ([run.id for run in page], page.behind) == ([failed[2], failed[1]], 0.0)
    assert [run.id for run in ledger.history.runs(failure=group.id, limit=2, after=page.next)] == [failed[0]]
    assert [run.id for run in ledger.history.runs(failure=group.id, by="ada")] == [failed[2], failed[0]]
    assert [run.id for run in ledger.history.runs(failure=group.id, where="payload.n > 2")] == [failed[2]]
    (retried,) = (one for one in ledger.history.failures(retried=True) if one.count == 1)
    assert not ledger.history.runs(failure=retried.id)
    for id in ("", "5", "zz" * 8, group.id[:-1] + "F", " " + group.id):
        with pytest.raises(fl.InvalidRequest, match="no group of failures"):
            ledger.history.runs(failure=id)
    with pytest.raises(fl.InvalidRequest, match="now alone"):
        ledger.history.runs(failure=group.id, as_of=datetime(2026, 3, 1, tzinfo=UTC))


def can_be_retried(ledger: fl.Ledger, run_id: str) -> bool:
    try:
        return ledger.runs.retry(run_id, preview=True).retried is None
    except fl.IllegalTransition:
        return False


def test_a_run_that_failed_without_a_step_is_a_failure_too(ledger: fl.Ledger) -> None:
    run = ledger.runs.proceed(ledger.runs.start("w", payload={"n": 1}).id, step_limit=2)
    assert run.status == "failed"
    (group,) = ledger.history.failures()
    assert (group.node_id, group.error_type, group.example) == ("items", None, run.id)
    assert "limit" in group.message
    assert (group.example_version, group.retryable) == (run.version, 1)


def test_failures_count_the_runs_that_failed(ledger: fl.Ledger) -> None:
    order(ledger, 1)
    for n in range(3):
        ledger.runs.start("f", payload={"n": n})
    assert sum(group.count for group in ledger.history.failures()) == len(ledger.history.runs(status="failed")) == 3
    assert [group.count for group in ledger.history.failures(retried=True)] == [3, 1]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"status": "error"}, "completed, failed, paused"),
        ({"status": 5}, "neither one nor a list"),
        ({"longer_than": "5s"}, "neither a timedelta nor a number"),
        ({"longer_than": float("nan")}, "neither a timedelta nor a number"),
        ({"longer_than": -1}, "less than nothing"),
        ({"since": "yesterday"}, "not a datetime"),
        ({"node": 5}, "not text"),
        ({"where": "outputs.x == 1"}, "input, output, error, payload and metadata"),
        ({"where": ["output.x=1"] * 21}, "20 is the most"),
        ({"limit": 0}, "a page has 1 to"),
        ({"after": "x"}, "no cursor"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_by_its_name(filters: Any, message: str) -> None:
    with fl.open_ledger("memory:") as ledger, pytest.raises(fl.InvalidRequest, match=message):
        ledger.history.steps(**filters)


def test_a_workflow_that_is_not_there_is_not_an_empty_list(ledger: fl.Ledger) -> None:
    with pytest.raises(fl.WorkflowNotFound):
        ledger.history.steps("nobody")
    with pytest.raises(fl.WorkflowNotFound):
        ledger.history.failures("nobody")
    assert not ledger.history.steps("w")
    assert not ledger.history.failures("w")


def test_a_cursor_goes_with_its_filters(ledger: fl.Ledger) -> None:
    order(ledger, 1)
    page = ledger.history.steps(limit=1)
    with pytest.raises(fl.InvalidRequest, match="other filters"):
        ledger.history.steps(node="call", limit=1, after=page.next)
    with pytest.raises(fl.InvalidRequest, match="neither True nor False"):
        ledger.history.failures(retried="yes")  # type: ignore[arg-type]


def test_a_list_that_does_not_know_all_says_so(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searched, "CATCH_UP_EVENTS", 3)
    order(ledger, 1)
    assert (ledger.history.steps().behind or 0) > 0
    ledger.search.catch_up()
    assert (len(ledger.history.steps()), ledger.history.steps().behind) == (6, 0.0)
