"""Lists of runs and work orders: filters, pages that don't move, past moments, bad input."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import flowledger as fl

executors = fl.ExecutorRegistry()


@executors.register("work")
def work(step: fl.StepContext) -> Any:
    match step.payload:
        case "wait":
            return fl.Pause(reason="look")
        case "fail":
            raise LookupError("no luck")
        case "retry":
            raise TimeoutError("slow")
    return step.payload


EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
WORKFLOW = {
    "nodes": [{"id": "first", "type": "work"}, {"id": "last", "type": "work"}],
    "edges": [{"source": "first", "target": "last"}],
}
IMPATIENT = {"nodes": [{"id": "only", "type": "work", "metadata": {"retry": {"maxRetries": 3, "interval": 60_000}}}]}


PAYLOADS = ("go", "fail", "wait", "retry")


class Clock:
    """One second later with each reading."""

    def __init__(self) -> None:
        self.now = EPOCH

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(store_url: str, clock: Clock) -> Iterator[Any]:
    with fl.open_ledger(store_url, executors, clock=clock) as ledger:
        ledger.workflows.save(WORKFLOW, workflow_id="w", by="ada")
        ledger.workflows.save(IMPATIENT, workflow_id="i/ü 'x' \N{GRINNING FACE}", by="ada")
        yield ledger


def ids(page: fl.Page[fl.RunSummary]) -> list[str]:
    return [run.id for run in page]


def test_runs_are_listed_newest_first_with_what_a_reader_wants_to_know(ledger: Any) -> None:
    failed = ledger.runs.start("w", payload="fail", by="bob")
    done = ledger.runs.start("w", payload="go", by="eve")
    newest, oldest = ledger.history.runs()
    assert (newest.id, oldest.id) == (done.id, failed.id)
    assert (oldest.status, oldest.node_id, oldest.error_type, oldest.by) == ("failed", "first", "LookupError", "bob")
    assert (newest.status, newest.node_id, newest.error_type, newest.by) == ("completed", None, None, "eve")
    assert newest.started_at == done.started_at
    assert newest.finished_at == done.finished_at
    assert (newest.workflow_id, newest.workflow_version, newest.work_order_id) == ("w", 1, done.work_order_id)


def test_who_writes_sees_it_in_the_list_at_once(ledger: Any) -> None:
    run = ledger.runs.start("w", payload="wait")
    assert [run.status for run in ledger.history.runs()] == ["paused"]
    ledger.runs.resume(run.id, payload="go")
    assert [run.status for run in ledger.history.runs()] == ["completed"]


def test_a_run_in_a_step_is_listed_at_the_node_where_it_is(store_url: str) -> None:
    seen: list[str | None] = []
    lookers = fl.ExecutorRegistry()

    @lookers.register("work")
    def look(step: fl.StepContext) -> None:
        seen.append(ledger.history.runs()[0].node_id)

    with fl.open_ledger(store_url, lookers) as ledger:
        ledger.workflows.save(WORKFLOW, workflow_id="w")
        ledger.runs.start("w")
    assert seen == ["first", "last"]


def test_each_filter_holds(ledger: Any, clock: Clock) -> None:
    impatient = "i/ü 'x' \N{GRINNING FACE}"
    runs = {
        (workflow, payload, by): ledger.runs.start(workflow, payload=payload, by=by).id
        for workflow, payload, by in itertools.product(
            ["w", impatient], ["go", "fail", "wait", "retry"], ["bob", "eve"]
        )
    }

    def expected(holds: Callable[[str, str, str], bool]) -> list[str]:
        return [run for facts, run in reversed(runs.items()) if holds(*facts)]

    ended = {"go": "completed", "wait": "paused"}

    def status(workflow: str, payload: str) -> str:
        return ended.get(payload, "error" if workflow == impatient else "failed")

    def found(**filters: Any) -> list[str]:
        return ids(ledger.history.runs(**filters))

    assert found() == expected(lambda w, p, b: True)
    assert found(workflow_id=impatient) == expected(lambda w, p, b: w == impatient)
    assert found(workflow_id="w", version=1) == expected(lambda w, p, b: w == "w")
    assert found(by="eve") == expected(lambda w, p, b: b == "eve")
    for one in ("completed", "failed", "paused", "error"):
        assert found(status=one) == expected(lambda w, p, b, one=one: status(w, p) == one)
        assert found(status=[one, "active", one]) == found(status=one)
    assert found(status=["paused", "failed"]) == expected(lambda w, p, b: status(w, p) in ("paused", "failed"))
    assert found(status="failed", by="bob", workflow_id="w") == expected(
        lambda w, p, b: status(w, p) == "failed" and b == "bob"
    )
    assert found(error_type="TimeoutError") == expected(lambda w, p, b: p == "retry")
    assert found(node="only") == expected(lambda w, p, b: w == impatient and p != "go")
    middle = ledger.runs.get(runs["w", "wait", "bob"]).started_at
    everyone = [ledger.runs.get(run).started_at for run in runs.values()]
    assert len(found(since=middle)) == sum(at >= middle for at in everyone)
    assert len(found(until=middle)) == sum(at < middle for at in everyone)
    assert found(since=middle, until=middle) == []


@pytest.mark.parametrize("filters", [{}, {"workflow_id": "w"}, {"status": ["completed", "paused"]}, {"as_of": True}])
def test_pages_hold_every_run_once_however_many_come_meanwhile(ledger: Any, clock: Clock, filters: Any) -> None:
    for number in range(11):
        ledger.runs.start("w", payload=("go", "wait")[number % 2])
    if "as_of" in filters:
        filters = {"as_of": clock.now}
    expected = ids(ledger.history.runs(**filters, limit=100))
    assert len(expected) == 11
    read: list[str] = []
    page = ledger.history.runs(**filters, limit=3)
    while True:
        read += ids(page)
        if page.next is None:
            break
        ledger.runs.start("w", payload="go")
        page = ledger.history.runs(**filters, after=page.next, limit=3)
    assert read == expected


def test_as_of_a_past_moment_runs_stand_as_they_stood(ledger: Any, clock: Clock) -> None:
    waiting = ledger.runs.start("w", payload="wait", by="bob")
    before = clock.now
    done = ledger.runs.resume(waiting.id, payload="go")
    ledger.runs.start("w", payload="fail")
    (then,) = ledger.history.runs(as_of=before)
    assert (then.id, then.status, then.node_id, then.finished_at) == (waiting.id, "paused", "first", None)
    assert ids(ledger.history.runs(as_of=before, status="paused")) == [waiting.id]
    assert ids(ledger.history.runs(as_of=before, status=["completed", "failed"])) == []
    assert ids(ledger.history.runs(as_of=before, node="first")) == [waiting.id]
    assert ids(ledger.history.runs(as_of=done.finished_at, status="completed")) == [waiting.id]
    assert ids(ledger.history.runs(as_of=done.finished_at - timedelta(microseconds=1), status="completed")) == []
    assert list(ledger.history.runs(as_of=EPOCH)) == []


def test_work_orders_are_listed_by_their_state(ledger: Any) -> None:
    orders = {p: ledger.runs.start("w", payload=p, by="bob").work_order_id for p in ("go", "fail", "wait")}
    queued = ledger.runs.start("w", wait=False).work_order_id
    retried = ledger.runs.retry(ledger.history.runs(status="failed")[0].id, by="eve")
    assert retried.status == "failed"
    states = {order.id: (order.state, order.runs) for order in ledger.history.work_orders()}
    assert states == {
        orders["go"]: ("success", 1),
        orders["fail"]: ("failed", 2),
        orders["wait"]: ("paused", 1),
        queued: ("pending", 1),
    }
    assert [order.id for order in ledger.history.work_orders(state="failed", workflow_id="w")] == [orders["fail"]]
    assert [order.id for order in ledger.history.work_orders(by="bob", limit=2)] == [orders["wait"], orders["fail"]]
    first = ledger.history.work_orders(limit=3)
    assert [order.id for order in ledger.history.work_orders(limit=3, after=first.next)] == [orders["go"]]


def test_a_reproduction_is_never_part_of_the_work_orders_state(ledger: Any) -> None:
    run = ledger.runs.start("w", payload="go")
    fixed = executors.get("work")
    assert fixed is not None
    ledger.runs.reproduce(run.id)
    (order,) = ledger.history.work_orders()
    assert (order.state, order.runs, order.last_run_id) == ("success", 1, run.id)


BAD = [
    ({"status": "running"}, "status 'running' does not exist"),
    ({"status": ["failed", 3]}, "status 3 does not exist"),
    ({"version": 1}, "of which workflow"),
    ({"version": "abc1234"}, "of which workflow"),
    ({"version": True, "workflow_id": "w"}, "neither a whole number nor a snapshot id"),
    ({"version": 1.0, "workflow_id": "w"}, "neither a whole number nor a snapshot id"),
    ({"workflow_id": 3}, "workflow_id 3 is not text"),
    ({"workflow_id": "w\ud800"}, "workflow_id: a lone surrogate"),
    ({"workflow_id": "w\0"}, "no id has a NUL"),
    ({"by": "\ud800"}, "by: a lone surrogate"),
    ({"node": "\ud800"}, "node: a lone surrogate"),
    ({"limit": 0}, "1 to 1,000"),
    ({"limit": 1001}, "1 to 1,000"),
    ({"limit": True}, "1 to 1,000"),
    ({"since": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001 - what is refused
    ({"as_of": "yesterday"}, "not a datetime"),
    ({"by": 3}, "by 3 is not text"),
    ({"after": "nonsense"}, "is no cursor"),
    ({"after": "W10"}, "is no cursor"),
    ({"after": "\ud800"}, "is no cursor"),
    ({"after": ""}, "is no cursor"),
    ({"after": 3}, "is no cursor"),
    ({"after": "WzE4NDQ2NzQ0MDczNzA5NTUxNjE1LDEsIiJd"}, "is no cursor"),  # a time beyond what a database can hold
]


@pytest.mark.parametrize("wrong", ["w\0", "w\ud800"])
def test_an_id_that_none_can_be_is_refused_by_every_list(ledger: Any, wrong: str) -> None:
    for ask in (
        lambda: ledger.history.work_orders(wrong),
        lambda: ledger.history.trail(stream=wrong),
        lambda: ledger.history.timings(wrong),
        lambda: ledger.workflows.list(after=wrong),
    ):
        with pytest.raises(fl.InvalidRequest, match=r"NUL|surrogate"):
            ask()


@pytest.mark.parametrize(("filters", "message"), BAD)
def test_a_filter_that_makes_no_sense_says_so(ledger: Any, filters: Any, message: str) -> None:
    with pytest.raises(fl.InvalidRequest, match=message):
        ledger.history.runs(**filters)


def test_a_cursor_of_other_filters_is_refused(ledger: Any) -> None:
    for _ in range(2):
        ledger.runs.start("w")
    page = ledger.history.runs(limit=1)
    with pytest.raises(fl.InvalidRequest, match="other filters"):
        ledger.history.runs(limit=1, by="bob", after=page.next)
    with pytest.raises(fl.InvalidRequest, match="other filters"):
        ledger.history.work_orders(limit=1, after=page.next)
    with pytest.raises(fl.InvalidRequest, match="other filters"):
        ledger.history.trail(limit=1, after=page.next)
    last = ledger.history.runs(limit=1, after=page.next)
    assert last.next is None


def test_a_page_past_the_end_is_empty(ledger: Any) -> None:
    with fl.open_ledger("memory:", executors, clock=lambda: EPOCH) as older:
        older.workflows.save(WORKFLOW, workflow_id="w", by="ada")
        for _ in range(2):
            older.runs.start("w")
        place, order_place = older.history.runs(limit=1).next, older.history.work_orders(limit=1).next
    ledger.runs.start("w")
    for page in (ledger.history.runs(after=place), ledger.history.work_orders(after=order_place)):
        assert (list(page), page.next) == ([], None)


def test_a_snapshot_id_is_taken_for_a_version(ledger: Any) -> None:
    first = ledger.workflows.get("w")
    old = [ledger.runs.start("w").id for _ in range(2)]
    second = ledger.workflows.save(IMPATIENT, workflow_id="w", by="ada")
    new = ledger.runs.start("w").id
    assert ids(ledger.history.runs("w", second.snapshot_id)) == ids(ledger.history.runs("w", 2)) == [new]
    page = ledger.history.runs("w", first.snapshot_id, limit=1)
    assert ids(page) == old[1:]
    assert ids(ledger.history.runs("w", 1, limit=1, after=page.next)) == old[:1]
    assert ids(ledger.history.runs("w", first.snapshot_id, status="failed")) == []
    with pytest.raises(fl.VersionNotFound, match="has no snapshot id 'zzzzzzz'"):
        ledger.history.runs("w", "zzzzzzz")
    with pytest.raises(fl.VersionNotFound):  # the id of another workflow's save
        ledger.history.runs("i/ü 'x' \N{GRINNING FACE}", first.snapshot_id)
    with pytest.raises(fl.WorkflowNotFound):
        ledger.history.runs("mistyped", first.snapshot_id)


def test_a_workflow_that_does_not_exist_is_no_empty_list(ledger: Any) -> None:
    with pytest.raises(fl.WorkflowNotFound):
        ledger.history.runs(workflow_id="mistyped")
    with pytest.raises(fl.WorkflowNotFound):
        ledger.history.work_orders(workflow_id="mistyped")
    for version in (9, 0, -1, 10**30):
        with pytest.raises(fl.VersionNotFound) as refused:
            ledger.history.runs(workflow_id="w", version=version)
        assert (refused.value.asked, refused.value.head) == (version, 1)
    assert list(ledger.history.runs(workflow_id="w", status="failed")) == []


@pytest.mark.parametrize("name", ["ann@example.org", "x" * 5_000, "o'clock", "\N{GRINNING FACE}" * 300])
def test_any_actor_can_be_asked_for(ledger: Any, name: str) -> None:
    run = ledger.runs.start("w", by=name)
    ledger.runs.start("w", by="somebody else")
    assert ids(ledger.history.runs(by=name)) == [run.id]


async def test_lists_have_async_twins(ledger: Any) -> None:
    await ledger.runs.astart("w")
    assert len(await ledger.history.aruns()) == len(await ledger.history.awork_orders()) == 1


def test_words_and_values_are_searched_together_with_the_other_filters(ledger: Any, clock: Clock) -> None:
    acme = ledger.runs.start("w", payload={"customer": "acme", "total": 7}, by="bob")
    other = ledger.runs.start("w", payload={"customer": "umbrella", "total": 70}, by="bob")
    failed = ledger.runs.start("w", payload="fail", by="eve")

    def found(**filters: Any) -> list[str]:
        return ids(ledger.history.runs(**filters))

    assert found(text="acme") == found(where="payload.customer=acme") == [acme.id]
    assert found(text="no luck") == [failed.id]
    assert found(text="luck", by="bob") == []
    assert found(where='output["first"].total > 5') == [other.id, acme.id]
    assert found(where=['output["first"].total > 5', "payload.customer!=acme"]) == [other.id]
    assert found(where="payload.total>7", status="completed", workflow_id="w") == [other.id]
    first = ledger.history.runs(where="payload.total>5", limit=1)
    assert first.behind == 0
    assert found(where="payload.total>5", limit=1, after=first.next) == [acme.id]
    with pytest.raises(fl.InvalidRequest, match="other filters"):
        found(where="payload.total>6", limit=1, after=first.next)
    assert ledger.history.runs().behind is None


def test_as_of_a_past_moment_words_and_values_are_those_of_then(ledger: Any, clock: Clock) -> None:
    run = ledger.runs.start("w", payload="wait")
    ledger.runs.set_metadata(run.id, {"stage": "draft"})
    before = clock.now
    ledger.runs.set_metadata(run.id, {"stage": "final"})
    ledger.runs.resume(run.id, payload="tangerine")
    assert (
        ids(ledger.history.runs(text="tangerine")) == ids(ledger.history.runs(where="metadata.stage=final")) == [run.id]
    )
    assert ids(ledger.history.runs(text="tangerine", as_of=before)) == []
    assert ids(ledger.history.runs(where="metadata.stage=final", as_of=before)) == []
    assert ids(ledger.history.runs(where="metadata.stage=draft", as_of=before, status="paused")) == [run.id]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"where": "payload.total >"}, r"can't be read"),
        ({"where": "paylod.total > 3"}, r"unknown name 'paylod' at column 1"),
        ({"where": ""}, "is empty"),
        ({"where": 3}, "is int, not text"),
        ({"text": "?!"}, "word"),
    ],
)
def test_a_search_that_makes_no_sense_says_where(ledger: Any, filters: Any, message: str) -> None:
    with pytest.raises(fl.InvalidRequest, match=message):
        ledger.history.runs(**filters)
