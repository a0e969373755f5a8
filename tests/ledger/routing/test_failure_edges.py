"""A node that has failed for good is left by its edge on failure, and the next node knows what went wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.run.registry import RUN_EVENTS

from .harness import assert_recorded_well, definition, edge, executors, follow, last_event, path_of, play


@pytest.fixture
def ledger(store_url: str) -> Iterator[fl.Ledger]:
    with fl.open_ledger(store_url, executors()) as ledger:
        yield ledger


WORK = {"work": {"fails": True}, "next": {}, "clean": "{{ nodes.work.error }}"}
CAUGHT = definition(WORK, edge("work", "next"), edge("work", "clean", on="failure"))


def test_a_failure_for_good_leads_on_after_its_retries(ledger: fl.Ledger, tmp_path: Path) -> None:
    run = follow(ledger, CAUGHT)
    assert (run.status, path_of(run)) == ("completed", ["work", "work", "clean"])
    assert run.snapshot.context["clean"][-1].output == "RuntimeError: 503"
    assert run.snapshot.metadata == {}
    failure = last_event(ledger, run, "run.step_failed")
    assert (failure["attempt"], failure["next_node_id"], failure["after"]["node_id"]) == (2, "clean", "clean")
    assert_recorded_well(ledger, run, tmp_path)


def test_a_success_and_a_failure_that_is_retried_take_the_other_edge(ledger: fl.Ledger, tmp_path: Path) -> None:
    for fails in (0, 1):
        run = follow(ledger, CAUGHT | {"nodes": definition(WORK | {"work": {"fails": fails}})["nodes"]})
        assert (run.status, path_of(run)[-1]) == ("completed", "next")
        assert_recorded_well(ledger, run, tmp_path)


def test_without_such_an_edge_the_run_fails_as_ever(ledger: fl.Ledger) -> None:
    without = definition(WORK, edge("work", "next"), edge("work", "clean", on="failure", enabled=False))
    run = follow(ledger, without)
    assert (run.status, run.snapshot.current_node_id) == ("failed", "work")
    assert last_event(ledger, run, "run.step_failed").keys().isdisjoint({"next_node_id", "no_condition_held"})


def test_a_node_that_comes_again_after_it_was_left_has_all_its_attempts_again(
    ledger: fl.Ledger, tmp_path: Path
) -> None:
    nodes = {
        "work": {"fails": True},
        "count": {"handle": "{{ nodes.work.attempts.size() < 6 ? 'again' : 'end' }}"},
        "end": 0,
    }
    loop = definition(
        nodes,
        edge("work", "count", on="failure"),
        edge("count", "work", sourceHandle="again"),
        edge("count", "end", sourceHandle="end"),
    )
    run = follow(ledger, loop)
    assert [result.attempt for result in run.snapshot.context["work"]] == [1, 2, 1, 2, 1, 2]
    assert path_of(run)[-1] == "end"
    assert_recorded_well(ledger, run, tmp_path)


def test_a_failure_may_lead_back_to_its_own_node(ledger: fl.Ledger, tmp_path: Path) -> None:
    itself = definition(
        {"work": {"fails": "{{ has(nodes.work) && nodes.work.attempts.size() > 2 ? 0 : 9 }}"}, "end": 1},
        edge("work", "work", on="failure"),
        edge("work", "end"),
    )
    run = follow(ledger, itself)
    assert [(result.attempt, result.error is None) for result in run.snapshot.context["work"]] == [
        (1, False),
        (2, False),
        (1, False),
        (2, True),
    ]
    assert_recorded_well(ledger, run, tmp_path)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("{{ nodes.nobody.output }}", "ExpressionError"),
        ({"fails": True, "says": "stolen"}, "NonRetryable"),
        ({"gives": "no JSON"}, "InvalidValue"),
        ({"asks": "too little"}, "InputInvalid"),
    ],
)
def test_whatever_a_failure_for_good_was_it_leads_on(data: object, error: str, tmp_path: Path) -> None:
    registry = executors()

    @registry.register("odd", retry=fl.RetryPolicy(max_retries=3))
    def odd(step: fl.StepContext) -> object:
        if step.data.get("gives"):
            return {1, 2}
        raise fl.NonRetryable(step.data["says"])

    registry.register("strict", input={"type": "object", "required": ["amount"]})(play)
    kind = "strict" if error == "InputInvalid" else "odd"
    caught = definition(
        {"first": 0, "work": data, "clean": 0}, edge("first", "work"), edge("work", "clean", on="failure")
    )
    caught["nodes"][1]["type"] = kind
    with fl.open_ledger("memory:", registry) as ledger:
        run = follow(ledger, caught)
        assert (run.status, path_of(run)) == ("completed", ["first", "work", "clean"])
        assert last_event(ledger, run, "run.step_failed")["error"]["type"] == error
        assert ledger.history.replay(run.id, verify=True).ok


def test_what_is_shown_of_the_run_says_where_it_went(ledger: fl.Ledger) -> None:
    run = follow(ledger, CAUGHT)
    audit = ledger.history.audit(run.id)
    assert [(done.outcome, done.next_node_id) for done in audit.attempts] == [
        ("failed", None),
        ("failed", "clean"),
        ("completed", None),
    ]


def test_a_retry_from_the_node_that_caught_sees_the_failure_again(ledger: fl.Ledger) -> None:
    caught = definition(
        {"work": {"fails": True}, "clean": {"fails": 9, "saw": "{{ nodes.work.error }}"}},
        edge("work", "clean", on="failure"),
    )
    run = follow(ledger, caught)
    assert (run.status, run.snapshot.current_node_id) == ("failed", "clean")
    again = ledger.runs.retry(run.id)
    while again.status == "error":
        again = ledger.runs.proceed(again.id)
    assert path_of(again) == ["work", "work", "clean", "clean"]
    whole = ledger.runs.retry(run.id, from_node="work", again=True)
    while whole.status == "error":
        whole = ledger.runs.proceed(whole.id)
    assert path_of(whole) == ["work", "work", "clean", "clean"]
    assert ledger.verify().ok


def test_a_failure_that_ends_while_the_run_is_held_or_cancelled_leads_on_only_when_it_goes_on(
    ledger: fl.Ledger, tmp_path: Path
) -> None:
    registry = executors()
    stops = []

    @registry.register("stopped")
    def stopped(step: fl.StepContext) -> None:
        stops.pop()(step.run_id)
        raise fl.NonRetryable("no")

    ledger = fl.open_ledger("memory:", registry)
    caught = definition({"work": 0, "clean": "{{ nodes.work.error }}"}, edge("work", "clean", on="failure"))
    caught["nodes"][0]["type"] = "stopped"
    stops.append(lambda run_id: ledger.runs.hold(run_id, by="ops"))
    run = follow(ledger, caught)
    assert (run.status, run.snapshot.current_node_id) == ("paused", "clean")
    ledger.runs.release(run.id, by="ops")
    run = ledger.runs.proceed(run.id)
    assert (run.status, run.snapshot.context["clean"][-1].output) == ("completed", "NonRetryable: no")
    stops.append(lambda run_id: ledger.runs.cancel(run_id, by="ops"))
    run = follow(ledger, caught)
    assert (run.status, path_of(run)) == ("cancelled", ["work"])
    assert ledger.verify().ok
    ledger.close()


def test_one_node_that_catches_for_many_knows_which_it_was(tmp_path: Path) -> None:
    registry = executors()
    seen: list[Any] = []

    @registry.register("catch")
    def catch(step: fl.StepContext) -> Any:
        seen.append(step.failure)
        if step.attempt == 1 and step.payload is None and step.data == "pause once":
            return fl.Pause("look")
        return step.data

    data = "{{ failure == null ? 'nothing' : failure.node + ' ' + failure.error + ' ' + string(failure.attempt) }}"
    shared = definition(
        {"a": {"fails": 0}, "b": {"fails": True, "says": "x"}, "catch": data, "end": "{{ failure }}"},
        edge("a", "b"),
        edge("a", "catch", on="failure"),
        edge("b", "catch", on="failure"),
        edge("catch", "end"),
    )
    shared["nodes"][2]["type"] = "catch"
    with fl.open_ledger("memory:", registry) as ledger:
        run = follow(ledger, shared)
        assert run.snapshot.context["catch"][-1].output == "b RuntimeError: x 2"
        assert run.snapshot.context["end"][-1].output is None
        assert [(placed.node_id, placed.index, placed.result.error) for placed in seen] == [("b", 1, "RuntimeError: x")]
        run = follow(ledger, shared | {"start": "catch"})
        assert (run.snapshot.context["catch"][-1].output, seen[-1]) == ("nothing", None)


def test_the_failure_is_still_there_after_retries_and_pauses_of_the_node_that_caught_it(store_url: str) -> None:
    registry = executors()
    asked: list[Any] = []

    @registry.register("catch", retry=fl.RetryPolicy(max_retries=2, interval=0))
    def catch(step: fl.StepContext) -> Any:
        asked.append(step.failure.result.error if step.failure else None)
        if step.answer is None:
            return fl.Pause("look")
        if step.attempt < 3:
            raise RuntimeError("not yet")
        return step.data

    caught = definition({"work": {"fails": True}, "catch": "{{ failure.error }}"}, edge("work", "catch", on="failure"))
    caught["nodes"][1]["type"] = "catch"
    with fl.open_ledger(store_url, registry) as ledger:
        run = ledger.runs.resume(follow(ledger, caught).id, payload="go on")
        while run.status == "error":
            run = ledger.runs.proceed(run.id)
        assert (run.status, run.snapshot.context["catch"][-1].output) == ("completed", "RuntimeError: 503")
        assert set(asked) == {"RuntimeError: 503"}
        fork = ledger.runs.fork(run.id, version=run.version - 1)
        assert fork.snapshot.context["catch"][-1].output == "RuntimeError: 503"


def test_an_error_is_never_an_answer(store_url: str) -> None:
    """The node that catches may be one that asks, also as it was written before there were answers."""
    registry = executors()
    registry.register("ask")(lambda step: step.payload or fl.Pause("may it go on?"))
    caught = definition({"work": {"fails": True}, "ask": 0}, edge("work", "ask", on="failure"))
    caught["nodes"][1]["type"] = "ask"
    with fl.open_ledger(store_url, registry) as ledger:
        run = follow(ledger, caught, payload={"approved": True})
        assert (run.status, run.snapshot.current_node_id) == ("paused", "ask")


def test_the_list_of_events_says_in_words_where_the_run_went(store_url: str) -> None:
    def lines(ledger: fl.Ledger, saved: dict[str, Any]) -> list[str]:
        run = follow(ledger, saved)
        return [RUN_EVENTS[event.type].describe(event.data) for event in ledger.history.events(run.id)]

    failing = {"work": {"fails": True}, "clean": 1}
    with fl.open_ledger(store_url, executors()) as ledger:
        assert lines(ledger, CAUGHT)[3:] == ["RuntimeError: 503; → clean", '→ end: "RuntimeError: 503"']
        never = edge("work", "clean", on="failure", when="false")
        assert lines(ledger, definition(failing, never))[-1] == (
            "RuntimeError: 503; the run has failed, as no condition is true"
        )
        odd = edge("work", "clean", on="failure", when="1")
        assert lines(ledger, definition(failing, odd))[-1].startswith(
            "RuntimeError: 503; the run has failed: the condition of edge 'work [on failure] → clean', {{ 1 }}"
        )
        none = definition({"a": 1, "b": 2}, edge("a", "b", when="false"))
        assert lines(ledger, none)[-1] == "→ end, as no condition is true: 1"
