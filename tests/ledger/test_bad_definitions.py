"""A definition that breaks the rules: every fault with its place, and nothing written."""

import math
from typing import Any

import pytest

import flowledger as fl

from .harness import Harness, N, cycle_of, deep, line, policy

SHAPELESS: dict[str, tuple[Any, str]] = {
    "no nodes": ({"nodes": []}, "nodes: there is none"),
    "nothing": ({}, "nodes"),
    "a list": ([], "definition"),
    "text": ("nodes", "definition"),
    "null": (None, "definition"),
    "nodes are text": ({"nodes": "ab"}, "nodes"),
    "a node is null": ({"nodes": [N, None]}, r"nodes\[1\]"),
    "a node without id": ({"nodes": [{"type": "do"}]}, r"nodes\[0\].id"),
    "an empty id": ({"nodes": [{"id": "", "type": "do"}]}, r"nodes\[0\].id"),
    "an id that is a number": ({"nodes": [{"id": 7, "type": "do"}]}, r"nodes\[0\].id"),
    "an id with a lone surrogate": ({"nodes": [{"id": "\ud800", "type": "do"}]}, r"nodes\[0\].id"),
    "an empty type": ({"nodes": [{"id": "a", "type": ""}]}, r"nodes\[0\].type"),
    "an unknown key": ({"nodes": [N | {"colour": "red"}]}, r"nodes\[0\].colour"),
    "code that is a number": ({"nodes": [N | {"code": 1}]}, r"nodes\[0\].code"),
    "code with a lone surrogate": ({"nodes": [N | {"code": "\ud800"}]}, r"nodes\[0\].code"),
    "a handle with a lone surrogate": (
        line("a", "b") | {"edges": [{"source": "a", "target": "b", "sourceHandle": "\ud800"}]},
        r"edges\[0\].sourceHandle",
    ),
    "an edge id with a lone surrogate": (
        line("a", "b") | {"edges": [{"id": "\ud800", "source": "a", "target": "b"}]},
        r"edges\[0\].id",
    ),
    "data with a set": ({"nodes": [N | {"data": {"x": {1}}}]}, r"nodes\[0\].data: data.x: a set is not JSON"),
    "data with NaN": ({"nodes": [N | {"data": [0, math.nan]}]}, r"nodes\[0\].data: data\[1\]: nan"),
    "data too deep": ({"nodes": [N | {"data": deep(300)}]}, r"nodes\[0\].data: .*nested deeper"),
    "metadata that is a list": ({"nodes": [N | {"metadata": []}]}, r"nodes\[0\].metadata"),
    "duplicate ids": ({"nodes": [N, N]}, "2 nodes have the id 'a'"),
    "a dangling source": (line("a") | {"edges": [{"source": "x", "target": "a"}]}, r"edges\[0\].source: .*'x'"),
    "a dangling target": (line("a") | {"edges": [{"source": "a", "target": "x"}]}, r"edges\[0\].target: .*'x'"),
    "an edge without target": (line("a") | {"edges": [{"source": "a"}]}, r"edges\[0\].target"),
    "edges that are an object": (line("a") | {"edges": {}}, "edges"),
    "a handle twice": (
        line("a", "b", "c") | {"edges": [{"source": "a", "target": t, "sourceHandle": "h"} for t in "bc"]},
        r"edges\[1\]: leaves node 'a' by the handle 'h', as edges\[0\] does",
    ),
    "no handle twice": (
        line("a", "b", "c") | {"edges": [{"source": "a", "target": t} for t in "bc"]},
        r"edges\[1\]: leaves node 'a' by no handle",
    ),
    "a start that is no node": (line("a", start="x"), "start: there is no node 'x'"),
    "a start that is a number": (line("a", start=1), "start"),
}


@pytest.mark.parametrize("kind", SHAPELESS)
def test_a_definition_that_breaks_the_rules_is_refused_everywhere(memory_desk: Harness, kind: str) -> None:
    definition, message = SHAPELESS[kind]
    before = memory_desk.written()
    for door in (
        fl.WorkflowDefinition.model_validate,
        lambda bad: memory_desk.ledger.workflows.save(bad, workflow_id="bad"),
    ):
        with pytest.raises(fl.InvalidDefinition, match=message) as refused:
            door(definition)
        assert refused.value.faults
    assert memory_desk.written() == before


UNRUNNABLE: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown type": ({"nodes": [{"id": "a", "type": "dance"}]}, r"nodes\[0\].type: .*'dance'.*registered: 'do'"),
    "no start": (cycle_of("a", "b"), "start: every node has an incoming edge"),
    "several starts": ({"nodes": [N, N | {"id": "b"}]}, r"start: 2 nodes have no incoming edge \('a', 'b'\)"),
    "a policy that is text": ({"nodes": [N | {"metadata": {"retry": "often"}}]}, r"nodes\[0\].metadata.retry"),
    "a policy of the node that is text": (
        {"nodes": [N | {"retry": "often"}]},
        r"nodes\[0\].retry: Input should be a valid",
    ),
    "a policy of the node with an unknown key": (
        {"nodes": [N | {"retry": {"tries": 1}}]},
        r"nodes\[0\].retry.tries: unk",
    ),
    "two policies": (
        {"nodes": [N | {"retry": {}, "metadata": {"retry": {}}}]},
        r"nodes\[0\].retry: the node has one under",
    ),
    "a timeout that is no time": (
        {"nodes": [N | {"timeout": 0}]},
        r"nodes\[0\].timeout: 0 is no timeout: give seconds",
    ),
    "a policy for one error that is no list": (
        {"nodes": [N | {"retry": {"on": "TimeoutError"}}]},
        r"nodes\[0\].retry.on: 'TimeoutError' is no list of exceptions",
    ),
    "a policy for what is no error": (
        {"nodes": [N | {"retry": {"never": ["TimeoutError", 404]}}]},
        r"nodes\[0\].retry.never\[1\]: 404 is neither an exception class nor the name of one",
    ),
    "a policy with an unknown key": (policy(tries=3), r"nodes\[0\].metadata.retry.tries: unknown key"),
    "negative retries": (policy(maxRetries=-1), r"nodes\[0\].metadata.retry.max_?[rR]etries"),
    "half a retry": (policy(maxRetries=1.5), "whole number"),
    "retries that are text": (policy(maxRetries="many"), "'many'"),
    "a backoff of its own": (policy(backoff="random"), "use 'fixed' or 'exponential'"),
    "jitter above 1": (policy(jitter=2), "a number from 0 to 1"),
    "an infinite interval": (policy(interval="inf"), "'inf'"),
}


@pytest.mark.parametrize("kind", UNRUNNABLE)
def test_a_definition_that_cannot_run_is_refused(memory_desk: Harness, kind: str) -> None:
    definition, message = UNRUNNABLE[kind]
    before = memory_desk.written()
    with pytest.raises(fl.InvalidDefinition, match=message):
        memory_desk.ledger.workflows.save(definition, workflow_id="bad")
    with pytest.raises(fl.InvalidDefinition, match=message):
        fl.Engine(fl.WorkflowDefinition.model_validate(definition), memory_desk.executors).begin()
    assert memory_desk.written() == before


def test_all_faults_are_told_at_once(memory_desk: Harness) -> None:
    shapeless = {
        "nodes": [N, N, {"id": "b", "type": "", "data": {"x": {1}}}],
        "edges": [{"source": "a", "target": "x"}, {"source": "a", "target": "y"}],
        "start": "z",
        "colour": "red",
    }
    with pytest.raises(fl.InvalidDefinition) as refused:
        memory_desk.ledger.workflows.save(shapeless, workflow_id="bad")
    paths = {fault.path for fault in refused.value.faults}
    assert paths == {
        "nodes",
        "nodes[2].type",
        "nodes[2].data",
        "edges[0].target",
        "edges[1].target",
        "edges[1]",
        "start",
        "colour",
    }
    unrunnable = {"nodes": [{"id": "a", "type": "x"}, {"id": "b", "type": "y"}]}
    with pytest.raises(fl.InvalidDefinition) as refused:
        memory_desk.ledger.workflows.save(unrunnable, workflow_id="bad")
    assert {fault.path for fault in refused.value.faults} == {"start", "nodes[0].type", "nodes[1].type"}


def test_a_missing_start_is_told_with_the_faults_of_a_policy(memory_desk: Harness) -> None:
    several = {"nodes": [N, N | {"id": "b", "metadata": {"retry": {"jitter": 7}}}]}
    with pytest.raises(fl.InvalidDefinition) as refused:
        memory_desk.ledger.workflows.save(several, workflow_id="bad")
    assert {fault.path for fault in refused.value.faults} == {"start", "nodes[1].metadata.retry.jitter"}
