"""A fork begins as another run stood at a version, but for what is edited, and goes on from there on its own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

WAY = {
    "nodes": [{"id": node, "type": "work"} for node in ("fetch", "review", "charge", "refund")],
    "edges": [
        {"source": "fetch", "target": "review"},
        {"source": "review", "target": "charge", "sourceHandle": "yes"},
        {"source": "review", "target": "refund", "sourceHandle": "no"},
    ],
    "start": "fetch",
}
FIXED = WAY | {
    "nodes": [*WAY["nodes"][:2], {"id": "charge", "type": "work", "data": {"currency": "EUR"}}, WAY["nodes"][3]]
}
WITHOUT_REVIEW = {
    "nodes": [WAY["nodes"][0], WAY["nodes"][2]],
    "edges": [{"source": "fetch", "target": "charge"}],
}


class Shop:
    """A ledger whose nodes do as told, and say what they saw."""

    def __init__(self, url: str) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.acts: dict[str, Callable[[fl.StepContext], Any]] = {"review": self.review}
        self.seen: list[tuple[str, Any]] = []
        self.executors = fl.ExecutorRegistry()
        self.executors.register("work", retry=fl.RetryPolicy(max_retries=1, interval=60))(self.work)
        self.ledger = fl.open_ledger(url, self.executors, clock=self.clock)
        self.runs, self.history = self.ledger.runs, self.ledger.history
        self.save(WAY)

    def clock(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def work(self, step: fl.StepContext) -> Any:
        self.seen.append((step.node.id, step.payload))
        act = self.acts.get(step.node.id)
        return {"of": step.node.id} if act is None else act(step)

    def review(self, step: fl.StepContext) -> Any:
        return fl.Pause("review") if step.payload is None else fl.StepResult({"seen": True}, handle=step.payload)

    def save(self, definition: Any) -> fl.WorkflowSnapshot:
        return self.ledger.workflows.save(definition, workflow_id="shop", by="ada")

    def paused(self) -> fl.Run:
        """At ``review``, version 3."""
        run = self.runs.start("shop", payload={"order": 1}, by="webhook", metadata={"n": 1})
        self.seen.clear()
        return run

    def failed(self, error: Exception | None = None) -> fl.Run:
        """At ``charge``, version 6, unless the error may be retried."""

        def fail(step: fl.StepContext) -> Any:
            raise error or fl.NonRetryable("no luck")

        self.acts["charge"] = fail
        run = self.runs.resume(self.paused().id, payload="yes", by="bob")
        del self.acts["charge"]
        self.seen.clear()
        return run

    def written(self) -> int:
        return self.ledger.verify().events


def beginning(run: fl.Run, shop: Shop) -> dict[str, Any]:
    return shop.history.snapshot(run.id, 1).to_data() | {"version": 0}


def at(run: fl.Run, version: int, shop: Shop) -> dict[str, Any]:
    return shop.history.snapshot(run.id, version).to_data() | {"version": 0}


@pytest.fixture
def shop(store_url: str) -> Iterator[Shop]:
    shop = Shop(store_url)
    yield shop
    shop.ledger.close()


@pytest.fixture
def memory_shop() -> Shop:
    return Shop("memory:")


# --- what it begins with ----------------------------------------------------------------------------------------------


def test_a_fork_of_a_paused_run_is_paused_there_and_can_be_resumed(shop: Shop) -> None:
    run = shop.paused()
    fork = shop.runs.fork(run.id, by="eve")
    assert (fork.status, fork.version, fork.origin) == ("paused", 1, fl.RunOrigin("fork", run.id, 3))
    assert beginning(fork, shop) == at(run, 3, shop)
    assert shop.seen == []
    resumed = shop.runs.resume(fork.id, payload="no", by="eve")
    assert resumed.status == "completed"
    assert shop.seen == [("review", "no"), ("refund", None)]
    assert shop.runs.get(run.id) == run, "the source is as it was"


def test_with_a_payload_it_goes_on_at_once(shop: Shop) -> None:
    run = shop.paused()
    fork = shop.runs.fork(run.id, payload="yes", by="eve")
    assert fork.status == "completed"
    assert shop.seen == [("review", "yes"), ("charge", None)]
    began = beginning(fork, shop)
    assert began.pop("flowledger")["payload"] == "yes"
    assert began == at(run, 3, shop)
    types = [event.type for event in shop.history.events(fork.id)]
    assert types == ["run.started", "run.resumed", "run.step_completed", "run.step_completed"]


def test_a_fork_of_what_failed_runs_the_failed_node_again(shop: Shop) -> None:
    run = shop.failed()
    fork = shop.runs.fork(run.id, by="eve")
    assert shop.seen == [("charge", None)]
    assert fork.status == "completed"
    assert beginning(fork, shop) == at(run, run.version, shop)
    assert [result.attempt for result in fork.snapshot.context["charge"]] == [1, 2]
    assert fork.snapshot.metadata == {"n": 1}, "that it had failed is the past"


def test_a_fork_of_what_was_cancelled_runs_on(shop: Shop) -> None:
    run = shop.runs.cancel(shop.paused().id, by="ops", reason="duplicate")
    fork = shop.runs.fork(run.id, payload="yes", by="eve")
    assert (run.status, fork.status) == ("cancelled", "completed")
    assert shop.seen == [("review", "yes"), ("charge", None)]


def test_a_fork_of_what_waits_for_its_retry_waits_or_is_retried(shop: Shop) -> None:
    run = shop.failed(ValueError("too slow"))
    waiting = shop.runs.fork(run.id, by="eve")
    assert (waiting.status, shop.seen) == ("error", [])
    assert waiting.snapshot.retry_state == run.snapshot.retry_state
    retried = shop.runs.proceed(waiting.id, by="eve")
    at_once = shop.runs.fork(run.id, payload="go", by="eve")
    assert (retried.status, at_once.status) == ("completed", "completed")
    assert shop.seen == [("charge", None), ("charge", "go")]


def test_a_fork_of_what_is_complete_is_complete_and_runs_nothing(shop: Shop) -> None:
    run = shop.runs.resume(shop.paused().id, payload="yes", by="bob")
    shop.seen.clear()
    fork = shop.runs.fork(run.id, by="eve")
    assert (fork.status, fork.version, shop.seen) == ("completed", 1, [])
    assert fork.finished_at is not None
    assert fork.finished_at >= fork.started_at
    with pytest.raises(fl.InvalidRequest, match="at version 6 has nothing left to run, so no step would see"):
        shop.runs.fork(run.id, payload="more")
    with pytest.raises(fl.IllegalTransition, match="is a fork of a run that was complete: reproduce that one"):
        shop.runs.reproduce(fork.id)


def test_a_fork_from_before_the_first_step_has_an_input_of_its_own(shop: Shop) -> None:
    run = shop.paused()
    fork = shop.runs.fork(run.id, 1, payload={"order": 2}, by="eve")
    assert shop.seen[0] == ("fetch", {"order": 2})
    assert shop.history.workflow_of(fork.id).input == {"order": 2}
    later = shop.runs.fork(fork.id, payload="yes")
    assert shop.history.workflow_of(later.id).input == {"order": 2}
    assert shop.history.workflow_of(run.id).input == {"order": 1}
    assert shop.runs.work_order(run.work_order_id).input == {"order": 1}


def test_a_run_that_still_runs_is_forked_from_what_is_recorded(shop: Shop) -> None:
    forks: list[fl.Run] = []

    def fork_myself(step: fl.StepContext) -> Any:
        if not forks:
            forks.append(shop.runs.fork(str(step.run_id), by="eve", wait=False))
        return {"of": "fetch"}

    shop.acts["fetch"] = fork_myself
    run = shop.runs.start("shop")
    (fork,) = forks
    assert (run.status, fork.status, fork.origin) == ("paused", "active", fl.RunOrigin("fork", run.id, 1))
    assert shop.runs.proceed(fork.id).status == "paused"


# --- what is edited ---------------------------------------------------------------------------------------------------


def test_an_edited_output_takes_the_place_of_the_last_result_and_the_way_stays(shop: Shop) -> None:
    run = shop.failed()
    fork = shop.runs.fork(run.id, 5, output={"seen": False}, by="eve")
    assert shop.seen == [("charge", None)]
    assert [result.output for result in fork.snapshot.context["review"]] == [{"seen": False}]
    assert fork.snapshot.context["fetch"] == run.snapshot.context["fetch"]
    assert [result.node_id for result in shop.history.reused(fork.id)] == ["fetch"]
    assert shop.runs.get(run.id) == run


def test_a_step_result_says_another_way(shop: Shop) -> None:
    run = shop.failed()
    fork = shop.runs.fork(run.id, 5, output=fl.StepResult(None, handle="no"), by="eve")
    assert shop.seen == [("refund", None)]
    assert [result.output for result in fork.snapshot.context["review"]] == [None]


def test_an_edited_output_of_what_failed_goes_on_behind_it(shop: Shop) -> None:
    run = shop.failed()
    fork = shop.runs.fork(run.id, output="charged by hand", by="eve")
    assert (fork.status, fork.version, shop.seen) == ("completed", 1, [])
    assert [(result.output, result.error) for result in fork.snapshot.context["charge"]] == [("charged by hand", None)]


def test_an_edited_output_can_be_edited_again(shop: Shop) -> None:
    run = shop.failed()
    first = shop.runs.fork(run.id, 5, output=fl.StepResult(1, handle="no"), by="eve")
    second = shop.runs.fork(first.id, 1, output=2, by="eve")
    assert shop.seen == [("refund", None), ("refund", None)], "the way of the first edit"
    assert [result.output for result in second.snapshot.context["review"]] == [2]
    assert [result.node_id for result in shop.history.reused(second.id)] == ["fetch"]
    with pytest.raises(fl.InvalidRequest, match="never came to node 'charge': it came to 'fetch', 'review', 'refund'"):
        shop.runs.retry(second.id, "charge")


def test_another_version_of_the_workflow_runs_from_there(shop: Shop) -> None:
    run = shop.failed()
    shop.save(FIXED)
    assert shop.runs.fork(run.id, by="eve").workflow_version == 1, "the version that ran, unless another one is named"
    fork = shop.runs.fork(run.id, workflow_version=2, by="eve")
    assert (fork.status, fork.workflow_version) == ("completed", 2)
    assert shop.history.workflow_of(fork.id).version == 2


def test_a_version_without_the_node_is_refused_and_names_the_nodes(shop: Shop) -> None:
    run = shop.paused()
    shop.save(WITHOUT_REVIEW)
    before = shop.written()
    expected = "needs node 'review', which version 2 of workflow 'shop' does not have; its nodes: 'fetch', 'charge'"
    with pytest.raises(fl.IllegalTransition, match=expected):
        shop.runs.fork(run.id, workflow_version=2)
    assert shop.written() == before
    fork = shop.runs.fork(run.id, workflow_version=2, output="known in both")
    assert (fork.status, shop.seen) == ("completed", [("charge", None)]), "behind an edited result both have the way"


def test_metadata_is_merged_into_that_of_the_source(shop: Shop) -> None:
    run = shop.paused()
    fork = shop.runs.fork(run.id, metadata={"why": "what if", "n": None}, by="eve")
    assert fork.snapshot.metadata == {"why": "what if", "pausedReason": "review"}
    assert run.snapshot.metadata == {"n": 1, "pausedReason": "review"}


def test_globals_are_given_again(shop: Shop) -> None:
    run = shop.failed()
    tokens: list[Any] = []
    shop.acts["charge"] = lambda step: tokens.append(step.globals.get("token"))
    shop.runs.fork(run.id, globals={"token": "secret-token"}, by="eve")
    assert tokens == ["secret-token"]


# --- who knows of it --------------------------------------------------------------------------------------------------


def test_a_fork_stays_with_the_work_order_and_never_tells_its_state(shop: Shop) -> None:
    run = shop.failed()
    fork = shop.runs.fork(run.id, by="eve")
    order = shop.runs.work_order(run.work_order_id)
    assert (order.state, order.runs, order.forks) == ("failed", (run.id,), (fork.id,))
    (listed,) = shop.history.work_orders()
    assert (listed.state, listed.runs, listed.last_run_id) == ("failed", 1, run.id)
    retry = shop.runs.retry(run.id, by="bob")
    assert shop.runs.work_order(run.work_order_id).runs == (run.id, retry.id)


def test_a_worker_goes_on_with_a_fork_that_was_left_to_it(shop: Shop) -> None:
    for source, payload in ((shop.failed(), None), (shop.paused(), "yes"), (shop.paused(), None)):
        fork = shop.runs.fork(source.id, payload=payload, by="eve", wait=False)
        header = shop.history.header(fork.id)
        waits = payload is None and source.status == "paused"
        assert (fork.status, header.queued) == (("paused", False) if waits else ("active", True))
        assert shop.seen == []
        if not waits:
            assert shop.runs.proceed(fork.id, by="worker").status == "completed"
        shop.seen.clear()


def test_lineage_tells_ancestors_and_descendants(shop: Shop) -> None:
    run = shop.failed()
    fork = shop.runs.fork(run.id, 3, by="eve")
    twig = shop.runs.fork(fork.id, payload="no", by="eve")
    other = shop.runs.reproduce(run.id, by="ada")
    retry = shop.runs.retry(twig.id, "refund", by="bob")
    lineage = shop.history.lineage(fork.id)
    assert [(kin.run_id, kin.kind) for kin in lineage.ancestors] == [(run.id, "first")]
    assert (lineage.run.run_id, lineage.run.kind, lineage.run.source_version) == (fork.id, "fork", 3)
    assert [(kin.run_id, kin.kind, kin.source) for kin in lineage.descendants] == [
        (twig.id, "fork", fork.id),
        (retry.id, "retry", twig.id),
    ]
    whole = shop.history.lineage(run.id)
    assert whole.ancestors == ()
    assert [kin.run_id for kin in whole.descendants] == [fork.id, twig.id, retry.id, other.id]
    assert whole.to_data()["run"]["kind"] == "first"
    with pytest.raises(fl.RunNotFound):
        shop.history.lineage("nobody")


def test_an_audit_and_a_search_know_what_was_edited(shop: Shop) -> None:
    fork = shop.runs.fork(shop.failed().id, 5, output={"verdict": "refundable"}, by="eve")
    origin = shop.history.audit(fork.id).origin
    assert origin is not None
    assert origin.edited is not None
    assert (origin.edited["node_id"], origin.edited["output"]) == ("review", {"verdict": "refundable"})
    assert [found.id for found in shop.history.runs(text="refundable")] == [fork.id]
    assert [found.id for found in shop.history.runs(where='output["review"].verdict=refundable')] == [fork.id]


def test_an_audit_of_a_fork_says_of_it_what_the_run_says(shop: Shop) -> None:
    done = shop.runs.resume(shop.paused().id, payload="yes", by="bob")
    for fork in (shop.runs.fork(done.id, by="eve"), shop.runs.fork(shop.paused().id, by="eve", metadata={"m": 2})):
        audit = shop.history.audit(fork.id)
        assert (audit.status, audit.finished_at) == (fork.status, fork.finished_at)
        assert audit.metadata.items() <= fork.snapshot.metadata.items(), "which says the reason of a pause, too"
        assert audit.execution_time == pytest.approx(fork.snapshot.total_execution_time, abs=1)


def test_a_fork_is_compared_with_its_source_by_what_was_edited(shop: Shop) -> None:
    run = shop.failed()
    unedited = shop.history.compare(run.id, shop.runs.fork(run.id, 5, by="eve").id)
    assert [step.alike for step in unedited.steps if step.node_id != "charge"] == [True, True, True]
    fork = shop.runs.fork(run.id, 5, output={"seen": False}, by="eve")
    again = shop.runs.fork(fork.id, 1, output={"seen": None}, by="eve")
    for edited, seen in ((fork, False), (again, None)):
        parted = shop.history.compare(run.id, edited.id).parted
        assert parted is not None
        assert (parted.kind, parted.alike, parted.b and parted.b.node_id) == ("output", 2, "review")
        assert parted.b is not None
        assert parted.b.output == {"seen": seen}


def test_a_fork_can_be_replayed_and_walked_through(shop: Shop) -> None:
    fork = shop.runs.fork(shop.failed().id, 5, output={"seen": False}, by="eve")
    assert shop.history.replay(fork.id).ok
    walked = shop.history.walk(fork.id)
    assert [walked.snapshot(version) for version in range(1, walked.head + 1)] == list(shop.history.snapshots(fork.id))


def test_a_fork_goes_to_another_store_with_those_that_it_comes_from(shop: Shop, tmp_path: Path) -> None:
    fork = shop.runs.fork(shop.failed().id, 5, output={"seen": False}, by="eve")
    again = shop.runs.fork(fork.id, 1, output={"seen": None}, by="eve")
    shop.history.export(again.id, tmp_path / "fork.jsonl")
    with fl.open_ledger("memory:") as other:
        assert not any(stream.present for stream in other.history.import_(tmp_path / "fork.jsonl").streams)
        assert other.history.snapshot(again.id) == shop.history.snapshot(again.id)
        other.history.export(again.id, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "fork.jsonl").read_bytes()


def test_timings_leave_forks_out(memory_shop: Shop) -> None:
    run = memory_shop.failed()
    memory_shop.runs.fork(run.id, by="eve")
    assert memory_shop.history.timings("shop").runs == 1
    assert memory_shop.history.timings("shop", reproductions=True).runs == 2


def test_archiving_the_workflow_breaks_no_fork_and_forbids_none(shop: Shop) -> None:
    run = shop.paused()
    before = shop.runs.fork(run.id, by="eve")
    shop.ledger.workflows.archive("shop", by="ada")
    assert shop.runs.resume(before.id, payload="yes").status == "completed"
    assert shop.runs.fork(run.id, payload="yes", by="eve").status == "completed"


async def test_the_async_twin_does_the_same(memory_shop: Shop) -> None:
    run = memory_shop.paused()
    fork = await memory_shop.runs.afork(run.id, payload="yes", by="eve")
    assert fork.status == "completed"
    assert (await memory_shop.history.alineage(fork.id)).run.source == run.id


# --- cost -------------------------------------------------------------------------------------------------------------


def test_reading_the_newest_of_a_chain_of_forks_costs_its_length_not_the_square(memory_shop: Shop) -> None:
    shop = memory_shop
    store: Any = shop.ledger._store
    rows = 0
    pages = store.pages

    def counted(stream: str, **given: Any) -> Any:
        nonlocal rows
        for page in pages(stream, **given):
            rows += len(page.rows)
            yield page

    run = shop.paused()
    costs: dict[int, int] = {}
    for length in range(1, 101):
        run = shop.runs.fork(run.id, metadata={"n": length}, by="eve")
        if length in (10, 100):
            rows, store.pages = 0, counted
            assert shop.history.snapshot(run.id).metadata["n"] == length
            costs[length] = rows
            del store.pages
    assert costs[100] <= 10 * costs[10]


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"version": 0}, fl.VersionNotFound, "has no version 0: its versions are 1 to 3"),
        ({"version": 4}, fl.VersionNotFound, "has no version 4: its versions are 1 to 3"),
        ({"version": "2"}, fl.InvalidRequest, "version '2' is not a whole number"),
        ({"workflow_version": 7}, fl.VersionNotFound, "workflow 'shop' has no version 7: its versions are 1 to 1"),
        ({"version": 1, "output": 1}, fl.InvalidRequest, "at version 1 has no result yet whose output could be edited"),
        (
            {"output": fl.StepResult(1, "sideways")},
            fl.InvalidRequest,
            "'sideways', which no edge takes; its edges",
        ),
        ({"output": fl.StepResult(1, 7)}, fl.InvalidValue, "7 is int, a handle is text"),
        ({"output": {1, 2}}, fl.InvalidValue, "output: a set is not JSON"),
        ({"payload": b"x"}, fl.InvalidValue, "payload"),
        ({"metadata": ["x"]}, fl.InvalidRequest, "is not an object"),
        ({"by": ""}, fl.InvalidRequest, "an actor is text, not empty"),
        ({"step_limit": -1}, fl.InvalidRequest, "step_limit -1"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    memory_shop: Shop, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    run = memory_shop.paused()
    before = memory_shop.written()
    with pytest.raises(error, match=message):
        memory_shop.runs.fork(run.id, **given)
    assert memory_shop.written() == before


def test_what_is_no_run_is_not_found(memory_shop: Shop) -> None:
    order = memory_shop.paused().work_order_id
    for nobody in ("nobody", order, "workflow:shop"):
        with pytest.raises(fl.RunNotFound):
            memory_shop.runs.fork(nobody)
