"""An edge with a condition is taken where it is true; that none was is a good end, and on record."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from .harness import assert_recorded_well, definition, edge, executors, follow, last_event, path_of

SIZES = definition(
    {"ask": {"amount": "{{ payload }}"}, "large": 0, "small": 0, "other": 0},
    edge("ask", "large", when="nodes.ask.output.amount > 100"),
    edge("ask", "small", when="{{ nodes.ask.output.amount > 10 }}"),
)


@pytest.fixture
def ledger(store_url: str) -> Iterator[fl.Ledger]:
    with fl.open_ledger(store_url, executors()) as ledger:
        yield ledger


@pytest.mark.parametrize(("amount", "path"), [(101, ["large"]), (100, ["small"]), (10, [])])
def test_the_first_edge_whose_condition_is_true_is_taken(
    ledger: fl.Ledger, tmp_path: Path, amount: int, path: list[str]
) -> None:
    run = follow(ledger, SIZES, payload=amount)
    assert (run.status, path_of(run)) == ("completed", ["ask", *path])
    assert_recorded_well(ledger, run, tmp_path)


def test_that_no_condition_was_true_is_on_record(ledger: fl.Ledger) -> None:
    run = follow(ledger, SIZES, payload=1)
    assert (run.status, run.snapshot.current_node_id, run.snapshot.metadata) == ("completed", None, {})
    body = last_event(ledger, run, "run.step_completed")
    assert body["no_condition_held"] is True
    assert "next_node_id" not in body
    assert ledger.history.audit(run.id).attempts[-1].no_condition_held


def test_a_last_edge_without_a_condition_takes_the_rest(ledger: fl.Ledger, tmp_path: Path) -> None:
    run = follow(ledger, SIZES | {"edges": [*SIZES["edges"], edge("ask", "other")]}, payload=1)
    assert path_of(run) == ["ask", "other"]
    assert_recorded_well(ledger, run, tmp_path)


def test_conditions_of_other_handles_are_not_asked(ledger: fl.Ledger) -> None:
    by_handle = definition(
        {"ask": {"handle": "b"}, "x": 0, "y": 0},
        edge("ask", "x", sourceHandle="a", when="nodes.nobody.output"),
        edge("ask", "y", sourceHandle="b", when="true"),
    )
    assert path_of(follow(ledger, by_handle)) == ["ask", "y"]


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("nodes.ask.output.amuont > 1", "unknown reference 'amuont' in nodes.ask.output, did you mean 'amount'?"),
        ("nodes.ask.output.amount", "is a number, a condition is true or false"),
        ("'true'", "is text, a condition is true or false"),
        ("1 +", "syntax error"),
        ("{{ true }} and more", "syntax error"),
    ],
)
def test_a_condition_that_is_neither_true_nor_false_fails_the_run_and_says_which(
    ledger: fl.Ledger, tmp_path: Path, when: str, reason: str
) -> None:
    run = follow(ledger, definition({"ask": {"amount": 1}, "x": 0}, edge("ask", "x", when=when)))
    assert (run.status, run.snapshot.current_node_id) == ("failed", "ask")
    assert run.snapshot.metadata["failedReason"].startswith("the condition of edge 'ask → x', {{ ")
    assert reason in run.snapshot.metadata["failedReason"]
    assert last_event(ledger, run, "run.step_completed")["unrouted"] is True
    assert_recorded_well(ledger, run, tmp_path)


def test_a_condition_that_would_come_later_is_not_asked(ledger: fl.Ledger) -> None:
    edges = edge("ask", "x", when="true"), edge("ask", "y", when="nodes.nobody.output")
    assert path_of(follow(ledger, definition({"ask": 0, "x": 0, "y": 0}, *edges))) == ["ask", "x"]


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("payload == 'given'", True),
        ("input.own == 3", True),
        ("nodes.before.output == 1 && nodes.ask.output.own == 3", True),
        ("nodes.ask.all.size() == 1", True),
        ("has(nodes.x)", False),
        ("globals.mode == 'live'", True),
        ("nodes.exists(id, id == 'ask')", True),
    ],
)
def test_a_condition_sees_what_the_data_of_its_node_sees_and_the_result(when: str, holds: bool) -> None:
    nodes = {"before": 1, "ask": {"own": 3}, "x": 0}
    with fl.open_ledger("memory:", executors()) as ledger:
        start = "ask" if "payload" in when else "before"
        saved = definition(nodes, edge("before", "ask"), edge("ask", "x", when=when)) | {"start": start}
        run = follow(ledger, saved, payload="given", globals={"mode": "live"})
        assert (path_of(run)[-1] == "x") is holds, run.snapshot.metadata
        assert ledger.history.replay(run.id, verify=True, globals={"mode": "live"}).ok
        assert ledger.history.replay(run.id).ok


def test_a_secret_in_a_condition_is_in_no_record(ledger: fl.Ledger) -> None:
    saved = definition({"ask": 0, "x": 0}, edge("ask", "x", when="globals.key == 'other' || globals.key"))
    run = follow(ledger, saved, globals={"key": "s3cr3t-and-long"})
    assert run.status == "failed"
    assert "s3cr3t" not in str([event.data for event in ledger.history.events(run.id)])


def test_edges_on_failure_have_conditions_too(ledger: fl.Ledger, tmp_path: Path) -> None:
    def of(*edges: dict[str, Any]) -> dict[str, Any]:
        return definition({"work": {"fails": True, "says": "429"}, "later": 0, "clean": 0}, *edges)

    slow = edge("work", "later", on="failure", when="nodes.work.error.contains('429')")
    other = edge("work", "clean", on="failure")
    assert path_of(follow(ledger, of(slow, other)))[-1] == "later"
    run = follow(ledger, of(slow | {"when": "nodes.work.error.contains('500')"}, other))
    assert path_of(run)[-1] == "clean"
    assert_recorded_well(ledger, run, tmp_path)
    run = follow(ledger, of(slow | {"when": "false"}))
    assert run.status == "failed"
    assert last_event(ledger, run, "run.step_failed")["no_condition_held"] is True
    assert_recorded_well(ledger, run, tmp_path)
    run = follow(ledger, of(slow | {"when": "nodes.work.error"}))
    assert run.status == "failed"
    assert "a condition is true or false" in run.snapshot.metadata["failedReason"]
    assert_recorded_well(ledger, run, tmp_path)


def test_a_replay_finds_a_way_that_no_condition_leads(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run = follow(ledger, SIZES, payload=101)
    monkeypatch.setattr("flowledger.domain.expressions.condition.Condition.holds", lambda *_: False)
    divergence = ledger.history.replay(run.id).divergence
    assert divergence is not None
    assert (divergence.kind, divergence.path, divergence.expected) == ("order", "/nextNodeId", "large")


def test_a_fork_with_an_edited_output_goes_where_its_conditions_lead(ledger: fl.Ledger) -> None:
    sizes = definition(
        {"ask": {"amount": "{{ payload.amount }}"}, "large": 0, "small": 0},
        edge("ask", "large", when="nodes.ask.output.amount > payload.limit"),
        edge("ask", "small", when="nodes.ask.output.amount > 10"),
    )
    run = follow(ledger, sizes, payload={"amount": 101, "limit": 100})
    at = next(event.version for event in ledger.history.events(run.id) if event.type == "run.step_completed")
    small = ledger.runs.fork(run.id, version=at, output={"amount": 100})
    assert path_of(small) == ["ask", "small"]
    again = ledger.runs.fork(small.id, version=1, output={"amount": 200})
    assert path_of(again) == ["ask", "large"]
    nothing = ledger.runs.fork(run.id, version=at, output={"amount": 1})
    assert (nothing.status, path_of(nothing)) == ("completed", ["ask"])
    with pytest.raises(fl.InvalidRequest, match=r"has no way on\. the condition of edge 'ask → large'"):
        ledger.runs.fork(run.id, version=at, output={"amount": "much"})
    assert ledger.verify().ok
