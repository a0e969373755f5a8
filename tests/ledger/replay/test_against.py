"""A backtest: another version of a workflow is tried on what runs of an earlier one recorded."""

from typing import Any

import pytest

import flowledger as fl
from flowledger.testing import memory_ledger

executors = fl.ExecutorRegistry()
EDGES = [{"source": "a", "target": "b"}]
NODES = [{"id": "a", "type": "double", "data": {"of": "{{ payload.n }}"}}, {"id": "b", "type": "double"}]


@executors.register("double")
def double(step: fl.StepContext) -> Any:
    return {"n": step.data.get("of", 1) * 2}


def told(definition: dict[str, Any]) -> tuple[str, int, str | None, str, Any, Any] | None:
    """The first thing that this version would do in another way; it is saved as a draft."""
    with memory_ledger(executors) as ledger:
        ledger.workflows.save({"nodes": NODES, "edges": EDGES}, workflow_id="w")
        run = ledger.runs.start("w", payload={"n": 1})
        other = ledger.workflows.save(definition, workflow_id="w", draft=True, expected_version=1)
        events = list(ledger.history.events(run.id))
        report = ledger.history.replay(run.id, against=other.version)
        assert report.against == other.version
        assert report.workflow_version == 1
        assert report == ledger.history.replay(run.id, against="latest")
        assert ledger.history.replay(run.id).against is None
        assert list(ledger.history.events(run.id)) == events
        found = report.divergence
        return found and (found.kind, found.version, found.node_id, found.path, found.expected, found.got)


def changed(**node: Any) -> list[dict[str, Any]]:
    return [{**NODES[0], **node}, NODES[1]]


def test_a_version_that_does_the_same_on_the_record_diverges_nowhere() -> None:
    assert told({"nodes": changed(data={"of": "{{ payload.n + 0 }}"}), "edges": EDGES}) is None


def test_the_first_step_that_would_go_another_way_is_named() -> None:
    other_input = {"nodes": changed(data={"of": "{{ payload.n + 1 }}"}), "edges": EDGES}
    assert told(other_input) == ("input", 2, "a", "/of", 1, 2)
    other_way = {"nodes": NODES, "edges": [], "start": "a"}
    assert told(other_way) == ("order", 2, "a", "/nextNodeId", "b", None)
    other_start = {"nodes": NODES, "edges": EDGES, "start": "b"}
    assert told(other_start) == ("order", 1, None, "/start", "a", "b")
    assert told({"nodes": [NODES[0]], "edges": []}) == ("order", 2, "a", "/nextNodeId", "b", None)
    assert told({"nodes": [NODES[1]], "edges": []}) == ("order", 1, None, "/start", "a", "b")


def test_a_version_that_is_not_there_is_refused() -> None:
    with memory_ledger(executors) as ledger:
        ledger.workflows.save({"nodes": NODES, "edges": EDGES}, workflow_id="w")
        run = ledger.runs.start("w", payload={"n": 1})
        with pytest.raises(fl.VersionNotFound):
            ledger.history.replay(run.id, against=7)
