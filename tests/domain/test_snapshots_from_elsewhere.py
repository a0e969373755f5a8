"""Snapshots as other engines write them, and as applications keep them: nothing in them is lost."""

import json
import pickle
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import flowledger as fl

from ..projections.values import keys, scalars

executors = fl.ExecutorRegistry()
executors.register("say")(lambda step: step.payload)
executors.register("ask")(lambda step: step.payload or fl.Pause())
executors.register("lengths")(lambda step: {node_id: len(results) for node_id, results in step.context.items()})
executors.register("expect")(lambda step: step.data)


@executors.register("break", retry=fl.RetryPolicy(max_retries=3, interval=1.0, backoff="exponential"))
def fail(step: fl.StepContext) -> None:
    raise RuntimeError(f"attempt {step.attempt}")


DEFINITION = fl.WorkflowDefinition.model_validate(
    {
        "nodes": [
            {"id": "begin", "type": "say"},
            {"id": "ask", "type": "ask"},
            {"id": "last", "type": "lengths"},
            {"id": "broken", "type": "break"},
        ],
        "edges": [{"source": "begin", "target": "ask"}, {"source": "ask", "target": "last"}],
        "start": "begin",
    }
)
ENGINE = fl.Engine(DEFINITION, executors)
AT = 1_700_000_000_000


def snapshot_with(**keys: Any) -> dict[str, Any]:
    """A snapshot as the reference engine writes it, waiting at ``ask``, with some keys of one's own."""
    return {
        "workflowId": "w",
        "status": "paused",
        "currentNodeId": "ask",
        "context": {"begin": [{"output": {"order": 7}, "timestamp": AT, "attempt": 1}]},
        "version": 1,
        "metadata": {},
        "lastStartedAt": AT,
        "totalExecutionTime": 0,
        **keys,
    }


def waiting_for_retry(attempts: int, results: list[Any], **keys: Any) -> dict[str, Any]:
    retry = {"nodeId": "broken", "attempts": attempts, "nextRetryAt": AT, **keys}
    context = {"broken": results} if results else {}
    return snapshot_with(status="error", currentNodeId="broken", context=context, retryState=retry)


def failed(attempt: int) -> dict[str, Any]:
    return {"output": None, "error": "Error: boom", "timestamp": AT, "attempt": attempt}


def read(data: Any) -> fl.Snapshot:
    return fl.Snapshot.from_json(json.dumps(data))


def written(snapshot: fl.Snapshot) -> Any:
    data = json.loads(snapshot.to_json())
    assert json.loads(json.dumps(snapshot.to_data())) == data
    assert json.loads(str(snapshot)) == data
    return data


# --- a law ------------------------------------------------------------------------------------------------------------

json_values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(keys, scalars, max_size=2)
counts = st.integers(0, 2**53 - 1)
moments = st.integers(0, 10**14) | st.floats(0, 1e14).filter(lambda at: not at.is_integer())
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
own_keys = st.dictionaries(names, json_values, max_size=3)


def made_of(known: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these keys, and with others."""
    objects = st.fixed_dictionaries(known, optional=optional)
    return st.builds(
        lambda object, own: {key: own[key] for key in own if key not in known | optional} | object, objects, own_keys
    )


results = made_of({"output": json_values, "timestamp": moments, "attempt": counts}, {"error": names})
retries = made_of({"nodeId": names, "attempts": counts}, {"nextRetryAt": moments, "payload": json_values})
snapshots = made_of(
    {
        "workflowId": names,
        "status": st.sampled_from(["active", "paused", "error", "completed", "failed"]),
        "currentNodeId": st.none() | names,
        "context": st.dictionaries(names, st.lists(results, max_size=3), max_size=4),
        "version": counts,
        "metadata": own_keys,
    },
    {"lastStartedAt": moments, "totalExecutionTime": moments, "retryState": retries},
)

TIMES = ("lastStartedAt", "totalExecutionTime", "timestamp", "nextRetryAt")


def as_written(data: dict[str, Any]) -> dict[str, Any]:
    """By the rules of the reference: times are rounded, and a payload that isn't there is no key."""
    data = with_whole_times(data)
    data["context"] = {node: list(map(with_whole_times, results)) for node, results in data["context"].items()}
    if "retryState" in data:
        retry = data["retryState"] = with_whole_times(data["retryState"])
        if retry.get("payload", 0) is None:
            del retry["payload"]
    return data


def with_whole_times(data: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value) if key in TIMES else value for key, value in data.items()}


@given(snapshots)
@settings(suppress_health_check=[HealthCheck.too_slow])  # a snapshot has many parts
def test_what_is_read_is_written_back(data: dict[str, Any]) -> None:
    assume("flowledger" not in data)
    snapshot = read(data)
    assert written(snapshot) == as_written(data)
    assert read(written(snapshot)) == snapshot == pickle.loads(pickle.dumps(snapshot))  # noqa: S301 - our own
    assert fl.Snapshot.from_json(data) == snapshot


# --- own keys ---------------------------------------------------------------------------------------------------------

OWN = {"_id": "507f", "tenant": {"name": "north"}, "payload": 1, "runId": None}


def test_own_keys_at_the_top_are_still_there_after_further_steps() -> None:
    before = read(snapshot_with(**OWN))
    paused = ENGINE.execute(before)
    done = ENGINE.execute(read(written(paused)), payload="yes")
    assert before.extra == paused.extra == done.extra == OWN
    assert done.status == "completed"
    assert OWN.items() <= written(done).items()


def test_own_keys_of_a_result_are_still_there_after_further_steps() -> None:
    own = {"durationMs": 12, "worker": {"host": "a"}, "handle": None}
    data = snapshot_with()
    data["context"]["begin"][0] |= own
    done = ENGINE.execute(read(data), payload="yes")
    assert done.context["begin"][0].extra == own
    assert written(done)["context"]["begin"] == data["context"]["begin"]
    assert done.context["ask"][0].extra == {}


def test_own_keys_of_a_retry_state_are_there_as_long_as_it_is() -> None:
    own = {"reason": "503", "maxAttempts": 3}
    before = read(waiting_for_retry(1, [failed(1)], **own))
    assert before.retry_state is not None
    assert before.retry_state.extra == own
    assert own.items() <= written(before)["retryState"].items()
    retried = ENGINE.execute(before)
    assert retried.retry_state == fl.RetryState("broken", 2, retried.retry_state and retried.retry_state.next_retry_at)


def test_own_keys_are_read_only() -> None:
    data = snapshot_with(own={"a": [1]})
    data["context"]["begin"][0]["own"] = {"a": 1}
    snapshot = read(data)
    for value in (snapshot.extra, snapshot.extra["own"], snapshot.context["begin"][0].extra):
        with pytest.raises(TypeError, match="read-only"):
            value["b"] = 1


# --- results that an application pruned -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kept", [[], [failed(3)], [{"output": 1, "timestamp": AT, "attempt": 1}], [failed(1)]], ids=repr
)
def test_attempts_count_however_few_results_were_kept(kept: list[Any]) -> None:
    last = ENGINE.execute(read(waiting_for_retry(3, kept)))
    assert last.status == "failed"
    assert [(result.attempt, result.error) for result in last.context["broken"]][-1] == (4, "RuntimeError: attempt 4")


def test_attempts_count_on_behind_a_pruned_context() -> None:
    snapshot = read(waiting_for_retry(1, []))
    attempts = []
    while snapshot.status == "error":
        snapshot = ENGINE.execute(pickle.loads(pickle.dumps(snapshot)))  # noqa: S301 - our own
        attempts.append(snapshot.context["broken"][-1].attempt)
    assert attempts == [2, 3, 4]
    assert snapshot.status == "failed"


def test_attempts_of_another_node_say_nothing_of_this_one() -> None:
    data = waiting_for_retry(3, []) | {"currentNodeId": "ask", "status": "active"}
    assert ENGINE.execute(read(data), payload=1).context["ask"][0].attempt == 1


def test_an_empty_list_of_results_stays_and_executors_see_it() -> None:
    data = snapshot_with()
    data["context"] |= {"gone": [], "ask": []}
    before = read(data)
    assert len(before.context["gone"]) == 0
    assert list(before.context) == ["begin", "gone", "ask"]
    done = ENGINE.execute(before, payload=1)
    assert done.context["last"][0].output == {"begin": 1, "ask": 1, "gone": 0}
    assert written(done)["context"]["gone"] == []
    assert len(before.context["ask"]) == 0


def test_an_expression_finds_no_result_in_an_empty_list() -> None:
    nodes = [{"id": "only", "type": "expect", "data": {"a": "{{ has(nodes.gone) }}"}}]
    engine = fl.Engine(fl.WorkflowDefinition.model_validate({"nodes": nodes}), executors)
    done = engine.execute(read(snapshot_with(currentNodeId="only", context={"gone": []})))
    assert done.context["only"][0].output == {"a": False}


# --- numbers, times, nodes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["100000000000000000000", "18446744073709552000", "-9223372036854776000", "1e+21", "1e-7"]
)
def test_numbers_are_read_as_javascript_writes_them(text: str) -> None:
    data = json.dumps(snapshot_with(metadata={"n": 0})).replace('{"n": 0}', f'{{"n": {text}}}')
    snapshot = fl.Snapshot.from_json(data)
    assert float(written(snapshot)["metadata"]["n"]) == float(text)
    assert read(written(snapshot)) == snapshot


@pytest.mark.parametrize("exact", [2**63, 2**64 - 1, -(2**63), 2**53 + 1])
def test_integers_of_64_bits_stay_exact(exact: int) -> None:
    assert written(read(snapshot_with(own=exact)))["own"] == exact


@pytest.mark.parametrize("lossy", [2**64, 10**20 + 1, -(2**63) - 1, 10**400])
def test_an_integer_that_no_double_is_written_as_is_refused(lossy: int) -> None:
    with pytest.raises(fl.InvalidSnapshot, match="beyond 64 bits") as refused:
        read(snapshot_with(metadata={"n": [lossy]}))
    assert refused.value.path == "$.metadata.n[0]"


def test_a_double_of_that_size_is_still_refused_from_callers() -> None:
    with pytest.raises(fl.InvalidValue, match="beyond 64 bits"):
        ENGINE.execute(payload=10**20)


@pytest.mark.parametrize(("time", "rounded"), [(1.4, 1), (1.6, 2), (0.2, 0), (AT + 0.567, AT + 1), (7.0, 7)])
def test_times_with_fractions_are_rounded(time: float, rounded: int) -> None:
    data = waiting_for_retry(1, [{**failed(1), "timestamp": time}])
    data |= {"lastStartedAt": time, "totalExecutionTime": time}
    data["retryState"]["nextRetryAt"] = time
    back = written(read(data))
    assert back["lastStartedAt"] == back["totalExecutionTime"] == rounded
    assert back["retryState"]["nextRetryAt"] == back["context"]["broken"][0]["timestamp"] == rounded


@pytest.mark.parametrize("status", ["active", "paused", "error"])
@pytest.mark.parametrize("step", [True, False])
def test_what_has_no_node_left_to_run_is_completed_by_the_next_call(status: str, step: bool) -> None:
    data = snapshot_with(status=status, currentNodeId=None, **OWN)
    if status == "error":
        data["retryState"] = {"nodeId": "ask", "attempts": 1}
    for given_as in (data, {key: value for key, value in data.items() if key != "currentNodeId"}):
        before = read(given_as)
        after = ENGINE.step(before) if step else ENGINE.execute(before)
        assert (after.status, after.current_node_id, after.retry_state) == ("completed", None, None)
        assert (after.context, after.extra, after.version) == (before.context, OWN, before.version + 1)
        assert after.last_started_at is not None
        assert before.last_started_at is not None
        assert after.last_started_at > before.last_started_at


# --- a payload that no step has seen ----------------------------------------------------------------------------------


def queued() -> dict[str, Any]:
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.start("w", payload={"order": 7}, wait=False)
        assert run.snapshot.payload == {"order": 7}
        return written(ledger.history.snapshot(run.id))


def test_a_ledgers_snapshot_taken_to_the_engine_has_the_payload_that_no_step_has_seen() -> None:
    done = ENGINE.execute(read(queued()))
    assert done.context["begin"][0].output == {"order": 7}
    assert done.payload is None
    assert "flowledger" not in written(done)


def test_a_payload_that_another_engine_went_past_is_not_seen_again() -> None:
    data = queued()
    begun = {**data, "currentNodeId": "ask", "version": 2, "lastStartedAt": data["lastStartedAt"] + 5}
    begun["context"] = {"begin": [{"output": 1, "timestamp": AT, "attempt": 1}]}
    assert read(begun).payload is None
    assert ENGINE.execute(read(begun)).status == "paused"  # nobody has answered
    asked = {**data, "status": "paused", "lastStartedAt": data["lastStartedAt"] + 5}
    assert ENGINE.execute(read(asked)).context["begin"][0].output is None


def test_a_payload_that_is_given_comes_before_the_one_that_waits() -> None:
    assert ENGINE.execute(read(queued()), payload=1).context["begin"][0].output == 1


# --- metadata under names of ours -------------------------------------------------------------------------------------

asking = fl.ExecutorRegistry()
asking.register("ask")(lambda step: step.payload or fl.Pause(step.data.get("reason")))
asking.register("break", retry=fl.RetryPolicy(max_retries=2, interval=0.0))(lambda step: 1 / 0)

own_values = st.one_of(
    scalars,
    st.sampled_from(["Retry attempt 1", "why", {"by": "me"}, {"by": "x", "at": 5, "status": "active"}, AT, 2**53]),
)
own_metadata = st.dictionaries(
    st.sampled_from(["pausedReason", "failedReason", "held", "pausedUntil", "k"]), own_values
)


@given(own_metadata, st.sampled_from([None, "why", "Retry attempt 1"]), st.sampled_from(["ask", "break"]))
def test_a_callers_metadata_survive_ours_on_any_way_through_the_engine(
    metadata: dict[str, Any], reason: str | None, type: str
) -> None:
    nodes = [{"id": "one", "type": type, "data": {} if reason is None else {"reason": reason}}]
    nodes.append({"id": "two", "type": "ask"})
    edges = [{"source": "one", "target": "two"}, {"source": "one", "target": "two", "on": "failure"}]
    engine = fl.Engine(fl.WorkflowDefinition.model_validate({"nodes": nodes, "edges": edges, "start": "one"}), asking)
    snapshot = engine.execute(metadata=metadata)
    if type == "ask":
        assert snapshot.metadata == metadata | ({} if reason is None else {"pausedReason": reason})
    for _ in range(5):
        snapshot = engine.execute(read(written(snapshot)), payload="yes")
    assert snapshot.status == "completed"
    assert snapshot.metadata == metadata


@pytest.mark.parametrize("own", ["ask the manager", {"asked": "the manager"}, 7, None])
@pytest.mark.parametrize("name", ["pausedReason", "failedReason", "held", "pausedUntil"])
def test_an_applications_own_value_survives_in_a_snapshot_from_elsewhere(name: str, own: Any) -> None:
    before = read(snapshot_with(metadata={name: own, "k": 1}))
    done = ENGINE.execute(read(written(ENGINE.execute(before))), payload="yes")
    assert done.status == "completed"
    assert written(done)["metadata"] == {name: own, "k": 1}


def test_a_reason_of_ours_that_an_older_release_wrote_goes_with_the_pause() -> None:
    data = snapshot_with(version=3, metadata={"pausedReason": "why?", "k": 1})
    assert ENGINE.execute(read(data), payload="yes").metadata == {"k": 1}


@pytest.mark.parametrize("stop", ["queued", "asked"])
def test_what_an_operator_holds_no_engine_executes(stop: str) -> None:
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save(DEFINITION, workflow_id="w")
        run = ledger.runs.start("w", payload=1, wait=stop == "asked")
        ledger.runs.hold(run.id, by="ops", reason="audit")
        snapshot = ledger.history.snapshot(run.id)
    for call in (ENGINE.execute, ENGINE.step):
        with pytest.raises(fl.RunHeld, match="by ops"):
            call(read(written(snapshot)), payload=2)
