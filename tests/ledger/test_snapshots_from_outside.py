"""Snapshots from outside: what is wrong with them, and where."""

import json
import math
from typing import Any

import pytest

import flowledger as fl

from .harness import GOOD, Harness

SNAPSHOT: dict[str, Any] = {
    "workflowId": "w",
    "status": "error",
    "currentNodeId": "only",
    "context": {"only": [{"output": 1, "timestamp": 5, "attempt": 1, "error": "E: x"}]},
    "version": 2,
    "lastStartedAt": 1000,
    "totalExecutionTime": 10,
    "metadata": {},
    "retryState": {"nodeId": "only", "attempts": 1, "nextRetryAt": 2000},
    "flowledger": {},
}

BAD_SNAPSHOTS: dict[str, list[Any]] = {
    "workflowId": [None, 7, ["w"], "cut \ud83d"],
    "status": [None, 7, "running", "Active", ["active"]],
    "currentNodeId": [7, ["only"], False, "\udfff"],
    "context": [None, [], "x", 7],
    "version": [None, "2", -1, 1.5, True, 2**53, 10**400, math.inf],
    "lastStartedAt": ["1000", -1, True, 10**18, [], math.nan, math.inf],
    "totalExecutionTime": ["10", -1, False, 2**53, 1e300, math.nan],
    "metadata": [None, [], "x", {"a": {1}}, {"a": math.nan}, {1: 2}],
    "retryState": [7, [], "x", False],
    "retryState.nodeId": [None, 7],
    "retryState.attempts": [None, "1", -1, True, 0.5, 2**53],
    "retryState.nextRetryAt": ["x", -1, 10**18, -math.inf],
    "retryState.payload": [{1}, math.inf],
    "context.only": [None, {}, "x", 7],
    "context.only[0]": [None, [], "x", 7],
    "context.only[0].timestamp": [None, "5", -1, True, 10**18, math.nan],
    "context.only[0].attempt": [None, "1", -1, 1.5, 2**53],
    "context.only[0].error": [7, ["E"], {}, "half \ud83d"],
    "context.only[0].own": [{1}, "\ud83d", math.nan, {"a": {1: 2}}],
    "retryState.own": [{1}, "\ud83d", 2**64 + 1],
    "own": [{1}, "\ud83d", b"x", -(2**63) - 1],
    "flowledger": [None, 7, [], "0.2.0"],
    "flowledger.version": ["1", -1, 1.5],
    "flowledger.lastStartedAt": ["x", -1, 10**18],
    "flowledger.payload": [{1}, "\ud83d"],
    "context.only[0].output": [{1}, b"x", "\ud800"],
}


@pytest.mark.parametrize(
    ("path", "value"), [(path, value) for path, values in BAD_SNAPSHOTS.items() for value in values], ids=repr
)
def test_a_snapshot_with_a_wrong_type_is_refused_with_its_path(path: str, value: Any) -> None:
    snapshot: Any = json.loads(json.dumps(SNAPSHOT))
    *parents, last = path.replace("[0]", ".0").split(".")
    place = snapshot
    for key in parents:
        place = place[int(key) if key.isdigit() else key]
    place[int(last) if last.isdigit() else last] = value
    with pytest.raises(fl.InvalidSnapshot) as refused:
        fl.Snapshot.from_json(snapshot)
    assert refused.value.path.startswith(f"$.{path}")
    assert refused.value.path in str(refused.value)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("deep", [201, 100_000])
@pytest.mark.parametrize(
    "path", ["metadata.a", "own", "retryState.own", "context.only[0].own", "context.only[0].output"]
)
def test_a_snapshot_that_is_nested_too_deep_is_refused_with_its_path(path: str, deep: int) -> None:
    snapshot: Any = json.loads(json.dumps(SNAPSHOT))
    *parents, last = path.replace("[0]", ".0").split(".")
    place = snapshot
    for key in parents:
        place = place[int(key) if key.isdigit() else key]
    place[last] = nested(deep)
    with pytest.raises(fl.InvalidSnapshot, match="nested deeper") as refused:
        fl.Snapshot.from_json(snapshot)
    assert refused.value.path.startswith(f"$.{path}")


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({7: 1}, "$"),
        ({"context": {7: []}}, "$.context"),
        ({"context": {"a\ud83d": []}}, "$.context"),
        ({"metadata": {"a": {"b\ud83d": 1}}}, "$.metadata.a"),
        ({"own": {"a\ud83d": 1}}, "$.own"),
        ({"\ud83d": 1}, "$"),
    ],
    ids=repr,
)
def test_a_key_that_json_can_not_have_is_refused_with_the_path_of_its_object(wrong: Any, path: str) -> None:
    with pytest.raises(fl.InvalidSnapshot) as refused:
        fl.Snapshot.from_json(SNAPSHOT | wrong)
    assert refused.value.path == path
    str(refused.value).encode()


NO_SNAPSHOTS = [b"", b"{", b"nope", b"\xff\xfe", b"[]", b"7", b"null", b'"x"', b'{"version":NaN}', "[" * 5000]


@pytest.mark.parametrize("text", NO_SNAPSHOTS)
def test_what_is_no_snapshot_is_refused(text: bytes | str) -> None:
    with pytest.raises(fl.InvalidSnapshot):
        fl.Snapshot.from_json(text)


@pytest.mark.parametrize("key", ["workflowId", "status", "context", "version"])
def test_a_snapshot_without_a_key_that_it_needs_is_refused(key: str) -> None:
    with pytest.raises(fl.InvalidSnapshot) as refused:
        fl.Snapshot.from_json({name: value for name, value in SNAPSHOT.items() if name != key})
    assert refused.value.path == f"$.{key}"


def test_a_snapshot_of_another_workflow_is_refused(memory_desk: Harness) -> None:
    engine = fl.Engine(fl.WorkflowDefinition.model_validate(GOOD), memory_desk.executors)
    elsewhere = fl.Snapshot.from_json(SNAPSHOT | {"currentNodeId": "elsewhere"})
    with pytest.raises(fl.InvalidSnapshot, match="the definition has no node 'elsewhere'"):
        engine.execute(elsewhere)
    ended = fl.Snapshot.from_json({**SNAPSHOT, "status": "completed"})
    with pytest.raises(fl.IllegalTransition, match="completed"):
        engine.step(ended)
