"""A run that began in another engine goes on in the ledger: as it stood there, and on record from there on."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowledger as fl

from ..effort import tries

WAY = {
    "nodes": [
        {"id": "fetch", "type": "say"},
        {"id": "ask", "type": "ask"},
        {"id": "last", "type": "lengths"},
        {"id": "broken", "type": "break"},
    ],
    "edges": [{"source": "fetch", "target": "ask"}, {"source": "ask", "target": "last"}],
    "start": "fetch",
}
AT = 1_700_000_000_000
FETCHED = {"output": {"order": 7}, "timestamp": AT, "attempt": 1, "durationMs": 12}


def failed(attempt: int) -> dict[str, Any]:
    return {"output": None, "error": "Error: boom", "timestamp": AT, "attempt": attempt}


def snapshot_with(**keys: Any) -> dict[str, Any]:
    return {
        "workflowId": "elsewhere",
        "status": "paused",
        "currentNodeId": "ask",
        "context": {"fetch": [FETCHED], "gone": []},
        "version": 17,
        "metadata": {"tenant": "north"},
        "lastStartedAt": AT,
        "totalExecutionTime": 12,
        "_id": "507f",
        **keys,
    }


ACTIVE = snapshot_with(status="active")
PAUSED = snapshot_with()
DUE = snapshot_with(
    status="error",
    currentNodeId="broken",
    context={},
    retryState={"nodeId": "broken", "attempts": 2, "nextRetryAt": AT + 5000, "payload": "seen", "why": "503"},
    metadata={"pausedReason": "Retry attempt 2"},
)
FAILED = snapshot_with(
    status="failed",
    currentNodeId="broken",
    context={"broken": [failed(1), failed(2)], "fetch": [FETCHED]},
    metadata={"failedReason": "no luck"},
)
COMPLETED = snapshot_with(status="completed", currentNodeId=None)
SNAPSHOTS = {"active": ACTIVE, "paused": PAUSED, "due": DUE, "failed": FAILED, "completed": COMPLETED}


class Desk:
    """A ledger, and what its executors saw."""

    def __init__(self, url: str) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.seen: list[tuple[str, int, Any]] = []
        self.broken = True
        executors = fl.ExecutorRegistry()
        executors.register("say")(self.seeing(lambda step: step.payload))
        executors.register("ask")(self.seeing(lambda step: step.payload or fl.Pause("really?")))
        executors.register("lengths")(
            self.seeing(lambda step: {node: len(step.context[node]) for node in step.context})
        )
        retry = fl.RetryPolicy(max_retries=3, interval=1.0)
        executors.register("break", retry=retry)(self.seeing(self.fail))
        self.executors = executors
        self.ledger = fl.open_ledger(url, executors, clock=self.clock)
        self.runs, self.history = self.ledger.runs, self.ledger.history
        self.ledger.workflows.save(WAY, workflow_id="shop", by="ada")

    def clock(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def seeing(self, act: Callable[[fl.StepContext], Any]) -> Callable[[fl.StepContext], Any]:
        def executor(step: fl.StepContext) -> Any:
            self.seen.append((step.node.id, step.attempt, step.payload))
            return act(step)

        return executor

    def fail(self, step: fl.StepContext) -> Any:
        if self.broken:
            raise RuntimeError("boom")
        return "mended"

    def adopt(self, snapshot: Any, **given: Any) -> fl.Run:
        run = self.runs.adopt(snapshot, "shop", by="ops", **given)
        assert self.ledger.verify(deep=True).findings == ()
        return run

    def nothing_was_written(self) -> None:
        assert self.ledger.verify().events == 1


@pytest.fixture
def desk(store_url: str) -> Iterator[Desk]:
    desk = Desk(store_url)
    yield desk
    desk.ledger.close()


@pytest.fixture
def memory_desk() -> Desk:
    return Desk("memory:")


# --- how it begins ----------------------------------------------------------------------------------------------------


def test_what_waits_there_waits_here_and_goes_on_when_it_is_answered(desk: Desk) -> None:
    run = desk.adopt(PAUSED)
    assert (run.status, run.version, run.origin) == ("paused", 1, fl.RunOrigin("adoption", None, 17))
    assert desk.seen == []
    assert run.snapshot.to_data() == PAUSED | {"workflowId": "shop", "version": 1}
    assert [wait.node_id for wait in run.waits] == ["ask"]
    done = desk.runs.resume(run.id, payload="yes", by="bob", wait=run.waits[0].id)
    assert done.status == "completed"
    assert desk.seen == [("ask", 1, "yes"), ("last", 1, None)]
    assert done.snapshot.context["last"][0].output == {"fetch": 1, "ask": 1, "gone": 0}
    assert done.snapshot.extra == {"_id": "507f"}
    assert done.snapshot.context["fetch"][0].extra == {"durationMs": 12}
    assert desk.runs.get(run.id) == done


def test_what_is_active_goes_on_or_is_queued(desk: Desk) -> None:
    assert desk.adopt(ACTIVE).status == "paused"
    assert desk.seen == [("ask", 1, None)]
    queued = desk.adopt(ACTIVE, wait=False)
    assert (queued.status, desk.history.header(queued.id).queued) == ("active", True)
    assert len(desk.seen) == 1
    assert desk.runs.proceed(queued.id).status == "paused"


def test_what_waits_for_a_retry_is_retried_by_proceeding_and_its_attempts_count(desk: Desk) -> None:
    run = desk.adopt(DUE)
    assert (run.status, desk.seen) == ("error", [])
    assert run.snapshot.to_data() == DUE | {"workflowId": "shop", "version": 1}
    assert desk.history.header(run.id).attempt == 3
    again = desk.runs.proceed(run.id)
    assert (again.status, desk.seen) == ("error", [("broken", 3, "seen")])
    assert desk.runs.proceed(run.id).status == "failed"
    assert desk.seen[-1] == ("broken", 4, "seen")


@pytest.mark.parametrize("name", ["completed", "failed"])
def test_what_had_ended_has_ended(desk: Desk, name: str) -> None:
    run = desk.adopt(SNAPSHOTS[name])
    assert (run.status, desk.seen) == (name, [])
    assert run.finished_at == run.started_at
    assert run.snapshot.to_data() == SNAPSHOTS[name] | {"workflowId": "shop", "version": 1}
    assert desk.runs.work_order(run.work_order_id).runs == (run.id,)


@pytest.mark.parametrize("status", ["active", "paused", "error"])
def test_what_has_no_node_left_is_complete(memory_desk: Desk, status: str) -> None:
    run = memory_desk.adopt(snapshot_with(status=status, currentNodeId=None))
    assert (run.status, memory_desk.seen) == ("completed", [])


def test_a_run_of_another_ledger_keeps_its_hold_and_the_payload_that_no_step_has_seen(desk: Desk) -> None:
    other = Desk("memory:")
    queued = other.runs.start("shop", payload={"order": 7}, wait=False)
    taken = desk.adopt(other.history.snapshot(queued.id).to_json())
    assert (taken.status, desk.seen[0]) == ("paused", ("fetch", 1, {"order": 7}))
    other.runs.hold(queued.id, by="chief", reason="audit")
    desk.seen.clear()
    held = desk.adopt(other.history.snapshot(queued.id))
    assert (held.status, held.held and held.held.by, desk.seen) == ("paused", "chief", [])
    with pytest.raises(fl.RunHeld):
        desk.runs.proceed(held.id)
    desk.runs.release(held.id, by="chief")
    assert desk.runs.proceed(held.id).status == "paused"
    assert desk.seen == [("fetch", 1, {"order": 7}), ("ask", 1, None)]


def test_metadata_are_merged_into_those_of_the_snapshot(memory_desk: Desk) -> None:
    run = memory_desk.adopt(PAUSED, metadata={"from": "js", "tenant": None})
    assert run.snapshot.metadata == {"from": "js"}


def test_times_that_lie_ahead_of_the_clock_are_not_believed(memory_desk: Desk) -> None:
    run = memory_desk.adopt(snapshot_with(lastStartedAt=AT * 2))
    assert run.snapshot.last_started_at == run.started_at


def test_a_version_may_be_named(memory_desk: Desk) -> None:
    memory_desk.ledger.workflows.save(
        {**WAY, "nodes": [*WAY["nodes"], {"id": "new", "type": "say"}]}, workflow_id="shop"
    )
    assert memory_desk.adopt(PAUSED).workflow_version == 2
    assert memory_desk.adopt(PAUSED, version=1).workflow_version == 1


@pytest.mark.parametrize("given", [bytes, str, dict, fl.Snapshot])
def test_a_snapshot_may_be_given_in_any_form(memory_desk: Desk, given: type) -> None:
    text = json.dumps(PAUSED)
    forms: dict[type, Any] = {bytes: text.encode(), str: text, dict: PAUSED, fl.Snapshot: fl.Snapshot.from_json(PAUSED)}
    assert memory_desk.adopt(forms[given]).status == "paused"


async def test_it_can_be_awaited(memory_desk: Desk) -> None:
    run = await memory_desk.runs.aadopt(PAUSED, workflow_id="shop", by="ops")
    assert run.status == "paused"


# --- once -------------------------------------------------------------------------------------------------------------


def test_a_key_adopts_once(desk: Desk) -> None:
    run = desk.adopt(PAUSED, idempotency_key="507f")
    desk.runs.resume(run.id, payload="yes")
    again = desk.adopt(PAUSED, idempotency_key="507f")
    assert (again.id, again.version, again.created, run.created) == (run.id, 4, False, True)
    for other in (snapshot_with(version=18), ACTIVE):
        with pytest.raises(fl.IdempotencyConflict):
            desk.adopt(other, idempotency_key="507f")
    with pytest.raises(fl.IdempotencyConflict):
        desk.runs.start("shop", payload=PAUSED | {"k": 1}, idempotency_key="507f")


# --- on record --------------------------------------------------------------------------------------------------------


def test_its_audit_begins_there(desk: Desk) -> None:
    run = desk.adopt(PAUSED)
    desk.runs.resume(run.id, payload="yes", by="bob")
    audit = desk.history.audit(run.id)
    assert (audit.by, audit.input, [attempt.node_id for attempt in audit.attempts]) == ("ops", None, ["ask", "last"])
    assert audit.origin is not None
    assert (audit.origin.kind, audit.origin.run_id, audit.origin.version) == ("adoption", None, 17)
    assert [(result.node_id, result.run_id, result.output) for result in audit.origin.reused] == [
        ("fetch", run.id, {"order": 7})
    ]
    assert list(audit.origin.reused) == desk.history.reused(run.id)
    assert "adoption of a snapshot" in str(audit)
    started = next(iter(desk.history.events(run.id)))
    assert started.data["adopted"] == PAUSED
    trail = [act.summary for act in desk.history.trail() if act.by == "ops"]
    assert trail == [f"adopted a snapshot as run {run.id} of 'shop' version 1"]


def test_lists_searches_and_lineage_know_it(desk: Desk) -> None:
    run = desk.adopt(PAUSED)
    (listed,) = desk.history.runs()
    assert (listed.id, listed.origin, listed.status) == (run.id, "adoption", "paused")
    assert [found.id for found in desk.history.runs(text="north")] == [run.id]
    assert [found.id for found in desk.history.runs(where=("output.fetch.order=7",))] == [run.id]
    assert desk.history.lineage(run.id).run.kind == "adoption"
    desk.ledger.rebuild()
    assert [found.id for found in desk.history.runs(text="north")] == [run.id]


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_it_can_be_exported_and_imported_and_goes_on_there(desk: Desk, name: str, tmp_path: Path) -> None:
    run = desk.adopt(SNAPSHOTS[name], idempotency_key="k")
    if name == "due":
        desk.runs.proceed(run.id)
    desk.history.export(run.id, tmp_path / "run.jsonl")
    other = Desk("memory:")
    with fl.open_ledger("memory:", other.executors) as elsewhere:
        elsewhere.history.import_(tmp_path / "run.jsonl")
        assert elsewhere.runs.get(run.id) == desk.runs.get(run.id)
        assert elsewhere.verify(deep=True).findings == ()
        if name == "due":
            assert elsewhere.runs.proceed(run.id).status == "failed"


@pytest.mark.parametrize("name", ["active", "paused", "due"])
def test_a_replay_begins_behind_it(desk: Desk, name: str) -> None:
    run = desk.adopt(SNAPSHOTS[name])
    run = desk.runs.proceed(run.id) if name == "due" else desk.runs.resume(run.id, payload="yes")
    report = desk.history.replay(run.id, verify=True)
    assert (report.ok, report.divergence) == (True, None)
    assert report.steps == {"active": 3, "paused": 2, "due": 1}[name]


def test_snapshots_at_every_version_are_those_of_a_fold_from_the_start(desk: Desk) -> None:
    run = desk.adopt(DUE)
    while desk.runs.get(run.id).status == "error":
        desk.runs.proceed(run.id)
    snapshots = list(desk.history.snapshots(run.id))
    assert [snapshot.status for snapshot in snapshots] == ["error", "active", "error", "active", "failed"]
    for version, snapshot in enumerate(snapshots, start=1):
        assert desk.history.snapshot(run.id, version) == snapshot
        assert fl.Snapshot.from_json(snapshot.to_json()) == snapshot


@pytest.mark.parametrize("every", [1, 2, 3])
def test_checkpoints_keep_what_a_snapshot_says_beside_its_results(tmp_path: Path, every: int) -> None:
    desk = Desk("memory:")
    with fl.open_ledger(f"sqlite:///{tmp_path}/c.db", desk.executors, checkpoint_every=every) as ledger:
        ledger.workflows.save(WAY, workflow_id="shop")
        paused, due = (ledger.runs.adopt(one, "shop") for one in (PAUSED, DUE))
        for _ in range(2):
            ledger.runs.proceed(due.id)
            assert ledger.runs.get(due.id).snapshot.context.keys() == {"broken"}
            assert ledger.runs.get(paused.id).snapshot.to_data() == PAUSED | {"workflowId": "shop", "version": 1}
        ledger.runs.resume(paused.id, payload="yes")
        assert ledger.runs.get(paused.id).snapshot.context["gone"] == []
        assert ledger.runs.get(paused.id).snapshot.context["fetch"][0].extra == {"durationMs": 12}
    assert [attempt for node, attempt, _ in desk.seen if node == "broken"] == [3, 4]


# --- run again --------------------------------------------------------------------------------------------------------


def test_a_retry_from_the_start_is_refused_as_nobody_knows_what_it_was_started_with(desk: Desk) -> None:
    run = desk.adopt(FAILED)
    with pytest.raises(fl.IllegalTransition, match="isn't on record: retry it from a node"):
        desk.runs.retry(run.id)
    with pytest.raises(fl.InvalidRequest, match="node 'fetch' ran before the run was adopted"):
        desk.runs.retry(run.id, "fetch")
    with pytest.raises(fl.InvalidRequest, match="never came to node 'last'"):
        desk.runs.retry(run.id, "last")


def test_a_retry_from_the_node_at_which_it_stood_begins_with_its_first_attempt(desk: Desk, tmp_path: Path) -> None:
    run = desk.adopt(FAILED)
    desk.broken = False
    preview = desk.runs.retry(run.id, "broken", preview=True)
    assert [(node.node_id, node.run_id) for node in preview.reused] == [("broken", run.id), ("fetch", run.id)]
    retry = desk.runs.retry(run.id, "broken")
    assert (retry.status, desk.seen) == ("completed", [("broken", 1, None)])
    assert [result.attempt for result in retry.snapshot.context["broken"]] == [1, 2, 1]
    assert retry.snapshot.context["fetch"][0].output == {"order": 7}
    assert [result.node_id for result in desk.history.reused(retry.id)] == ["broken", "broken", "fetch"]
    desk.history.export(retry.id, tmp_path / "run.jsonl")
    with fl.open_ledger("memory:") as elsewhere:
        elsewhere.history.import_(tmp_path / "run.jsonl")
        assert elsewhere.runs.get(retry.id) == retry


def test_a_retry_from_a_node_that_it_came_to_here_has_all_before_it(desk: Desk) -> None:
    run = desk.runs.resume(desk.adopt(PAUSED).id, payload="yes")
    retry = desk.runs.retry(run.id, "last")
    assert retry.snapshot.context["last"][0].output == {"fetch": 1, "ask": 1, "gone": 0}


def test_a_reproduction_begins_where_it_stood(desk: Desk) -> None:
    run = desk.adopt(DUE)
    desk.runs.proceed(run.id)
    desk.seen.clear()
    again = desk.runs.reproduce(run.id)
    assert (again.status, desk.seen) == ("error", [("broken", 3, "seen")])
    with pytest.raises(fl.IllegalTransition, match="a snapshot that was complete"):
        desk.runs.reproduce(desk.adopt(COMPLETED).id)


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_fork_begins_as_it_stood(desk: Desk, name: str) -> None:
    run = desk.adopt(SNAPSHOTS[name])
    stood = desk.history.snapshot(run.id, 1)
    fork = desk.runs.fork(run.id, version=1, by="eve", wait=False)
    begun = desk.history.snapshot(fork.id, 1)
    assert (begun.context, begun.metadata, begun.extra) == (stood.context, stood.metadata, stood.extra)
    assert fork.origin == fl.RunOrigin("fork", run.id, 1)
    with pytest.raises(fl.InvalidRequest, match="no result yet whose output could be edited"):
        desk.runs.fork(run.id, version=1, output=1)
    assert desk.ledger.verify(deep=True).findings == ()


def test_a_fork_of_what_was_pruned_counts_its_attempts_also_where_it_is_imported(desk: Desk, tmp_path: Path) -> None:
    fork = desk.runs.fork(desk.adopt(DUE).id, by="eve")
    assert desk.runs.proceed(fork.id).snapshot.context["broken"][0].attempt == 3
    desk.history.export(fork.id, tmp_path / "run.jsonl")
    with fl.open_ledger("memory:") as elsewhere:
        elsewhere.history.import_(tmp_path / "run.jsonl")
        assert elsewhere.runs.get(fork.id) == desk.runs.get(fork.id)


LOOP = {
    "nodes": [{"id": "a", "type": "break"}, {"id": "b", "type": "ask"}],
    "edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "a"}],
    "start": "a",
}


def test_attempts_count_anew_behind_a_success_also_where_it_is_imported(memory_desk: Desk, tmp_path: Path) -> None:
    memory_desk.ledger.workflows.save(LOOP, workflow_id="shop")
    memory_desk.broken = False
    retry = {"nodeId": "a", "attempts": 2}
    run = memory_desk.adopt(
        snapshot_with(status="error", currentNodeId="a", context={"a": [FETCHED]}, retryState=retry)
    )
    memory_desk.runs.proceed(run.id)
    run = memory_desk.runs.resume(run.id, payload="on")
    assert [result.attempt for result in run.snapshot.context["a"]] == [1, 3, 1]
    memory_desk.history.export(run.id, tmp_path / "run.jsonl")
    with fl.open_ledger("memory:") as elsewhere:
        elsewhere.history.import_(tmp_path / "run.jsonl")
        assert elsewhere.runs.get(run.id) == run


def test_a_checkpoint_knows_that_the_order_of_results_is_told(tmp_path: Path) -> None:
    desk = Desk("memory:")
    context = {"fetch": [FETCHED, FETCHED], "broken": [failed(1)]}
    order = {"flowledger": {"order": ["fetch", "broken", "fetch"]}}
    with fl.open_ledger(f"sqlite:///{tmp_path}/c.db", desk.executors, checkpoint_every=1) as ledger:
        ledger.workflows.save(WAY, workflow_id="shop")
        run = ledger.runs.adopt(snapshot_with(context=context, **order), "shop")
        for _ in range(2):
            assert ledger.runs.get(run.id).snapshot.to_data()["flowledger"]["order"] == order["flowledger"]["order"]


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"currentNodeId": "elsewhere"}, "$.currentNodeId"),
        ({"status": "failed", "currentNodeId": "elsewhere"}, "$.currentNodeId"),
        ({"status": "running"}, "$.status"),
        ({"context": {"fetch": [FETCHED, {}]}}, "$.context.fetch[1].timestamp"),
        ({"metadata": {"a": "\ud83d"}}, "$.metadata.a"),
        ({"version": -1}, "$.version"),
    ],
)
def test_a_snapshot_that_can_not_go_on_here_is_refused_with_its_path(desk: Desk, wrong: Any, path: str) -> None:
    with pytest.raises(fl.InvalidSnapshot) as refused:
        desk.runs.adopt(PAUSED | wrong, "shop")
    assert refused.value.path == path
    desk.nothing_was_written()


def test_a_snapshot_that_is_too_large_or_too_deep_as_a_whole_is_refused(memory_desk: Desk) -> None:
    nested: Any = 1
    for _ in range(198):
        nested = [nested]
    with pytest.raises(fl.InvalidSnapshot, match="nested deeper"):
        memory_desk.runs.adopt(snapshot_with(context={"fetch": [{**FETCHED, "output": nested}]}), "shop")
    memory_desk.nothing_was_written()
    with fl.open_ledger("memory:", memory_desk.executors, max_value_bytes=2_000) as small:
        small.workflows.save(WAY, workflow_id="shop")
        many = {f"n{number}": [FETCHED] for number in range(100)}
        with pytest.raises(fl.InvalidSnapshot, match="over the limit"):
            small.runs.adopt(snapshot_with(context=many), "shop")


def test_bad_arguments_write_nothing(memory_desk: Desk) -> None:
    adopt = memory_desk.runs.adopt
    with pytest.raises(fl.WorkflowNotFound):
        adopt(PAUSED, "ghost")
    with pytest.raises(fl.VersionNotFound):
        adopt(PAUSED, "shop", version=9)
    with pytest.raises(fl.InvalidRequest):
        adopt(PAUSED, "shop", by="")
    with pytest.raises(fl.InvalidRequest):
        adopt(PAUSED, "shop", metadata=[1])  # type: ignore[arg-type]
    with pytest.raises(fl.InvalidSnapshot):
        adopt(7, "shop")  # type: ignore[arg-type]
    memory_desk.nothing_was_written()


# --- a law ------------------------------------------------------------------------------------------------------------

statuses = st.sampled_from(["active", "paused", "error", "completed", "failed"])
nodes = st.sampled_from(["fetch", "ask", "last", "broken", None])
results = st.lists(
    st.one_of(st.just(FETCHED), st.integers(1, 3).map(failed)),
    max_size=3,
)


@settings(max_examples=tries(100), suppress_health_check=[HealthCheck.too_slow])
@given(statuses, nodes, st.dictionaries(st.sampled_from(["fetch", "ask", "broken", "x"]), results), st.integers(0, 3))
def test_a_ledger_goes_on_with_a_snapshot_as_the_engine_does(
    status: str, node: str | None, context: dict[str, Any], attempts: int
) -> None:
    data = snapshot_with(status=status, currentNodeId=node, context=context)
    if status == "error" and node is not None:
        data["retryState"] = {"nodeId": node, "attempts": attempts}
    desk = Desk("memory:")
    engine = fl.Engine(fl.WorkflowDefinition.model_validate(WAY), desk.executors)
    run = desk.adopt(data)
    if run.status == "error" and status == "error":
        run = desk.runs.proceed(run.id)
    elif run.status == "paused" and status == "paused":
        run = desk.runs.resume(run.id)
    expected = engine.execute(fl.Snapshot.from_json(data))
    assert run.snapshot.status == expected.status
    assert run.snapshot.current_node_id == expected.current_node_id
    assert outcomes(run.snapshot) == outcomes(expected)
    assert run.snapshot.extra == expected.extra


def outcomes(snapshot: fl.Snapshot) -> Any:
    return {
        node: [(result.output, result.error, result.attempt) for result in results]
        for node, results in snapshot.context.items()
    }


def test_a_retry_from_a_node_that_had_asked_elsewhere_asks_again(desk: Desk) -> None:
    run = desk.runs.resume(desk.adopt(PAUSED).id, payload="yes", by="bob")
    assert run.status == "completed"
    retry = desk.runs.retry(run.id, "ask")
    assert (retry.status, desk.seen[-1]) == ("paused", ("ask", 1, None))
    other = desk.runs.resume(desk.adopt(PAUSED).id, payload="yes", by="bob")
    assert desk.runs.retry(other.id, "ask", answers=("ask",)).status == "completed"
    assert desk.seen[-2:] == [("ask", 1, "yes"), ("last", 1, None)]
