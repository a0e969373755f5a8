"""The order of a run's results comes back from a snapshot's JSON, whatever is told of it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.run.result_order import in_order

from ..effort import tries

NODES = st.sampled_from("abc")
HISTORIES = st.lists(st.tuples(NODES, st.integers(0, 3)), max_size=20)


def by_node(history):
    """The results of a history by node, each with its place in it."""
    found = {}
    for place, (node, at) in enumerate(history):
        found.setdefault(node, []).append({"node_id": node, "recorded_at": at, "place": place})
    return found


@given(HISTORIES)
@settings(max_examples=tries(200))
def test_the_order_that_was_told_is_the_order(history):
    told = [node for node, _ in history]
    assert [entry["place"] for entry in in_order(by_node(history), told)] == [*range(len(history))]


@given(HISTORIES, st.lists(st.sampled_from("abcd"), max_size=25))
@settings(max_examples=tries(200))
def test_whatever_is_told_each_node_keeps_all_its_results_in_their_order(history, told):
    ordered = in_order(by_node(history), told)
    assert by_node([(entry["node_id"], entry["recorded_at"]) for entry in ordered]).keys() == by_node(history).keys()
    for node, results in by_node(history).items():
        assert [entry for entry in ordered if entry["node_id"] == node] == results


@given(st.lists(NODES, max_size=20))
def test_where_nothing_is_told_times_tell(nodes):
    history = [(node, place) for place, node in enumerate(nodes)]
    assert [entry["place"] for entry in in_order(by_node(history), ())] == [*range(len(history))]


@pytest.mark.parametrize(
    ("order", "path"), [("a", "$.flowledger.order"), ([1], "$.flowledger.order[0]"), ({}, "$.flowledger.order")]
)
def test_an_order_that_is_none_is_refused(order, path):
    snapshot = {"workflowId": "w", "status": "paused", "currentNodeId": "a", "context": {}, "version": 1}
    with pytest.raises(fl.InvalidSnapshot, match=path.replace("$", r"\$").replace("[", r"\[")):
        fl.Snapshot.from_json(snapshot | {"flowledger": {"order": order}})


def test_a_snapshot_that_tells_its_order_is_equal_to_the_one_that_is_read_and_tells_it_again():
    nodes = [{"id": node, "type": "t"} for node in "abc"]
    edges = [
        {"source": "a", "target": "b"},
        {"source": "b", "target": "c"},
        {"source": "c", "target": "b", "sourceHandle": "again"},
        {"source": "b", "target": "a", "on": "failure"},
    ]
    executors = fl.ExecutorRegistry()
    executors.register("t")(lambda step: fl.StepResult(step.runs, "again" if step.node.id == "c" else None))
    definition = fl.WorkflowDefinition.model_validate({"nodes": nodes, "edges": edges, "start": "a"})
    engine = fl.Engine(definition, executors)
    snapshot = engine.begin()
    for _ in range(4):
        snapshot = engine.step(snapshot)
    read = fl.Snapshot.from_json(snapshot.to_json())
    assert (read, read.extra) == (snapshot, {})
    assert json.loads(read.to_json())["flowledger"] == {"order": ["a", "b", "c", "b"]}
    assert engine.step(read).context["c"][-1].output == engine.step(snapshot).context["c"][-1].output == 1
