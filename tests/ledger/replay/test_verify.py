"""Executing a recorded run again: what is the same is called the same, what diverges is named, nothing is written."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.events.catalogue import EVENT_TYPES
from flowledger.domain.ports import NewEvent
from flowledger.infrastructure.services.history import replay as rerun

from .harness import CODE, VERSIONS, WORKFLOW, Executor, forged, opened_with, registry, run_of_all, written


def test_a_run_is_as_it_was_recorded_and_replaying_it_writes_nothing(ledger: fl.Ledger, run: fl.Run) -> None:
    before = written(ledger)
    report = ledger.history.replay(run.id)
    assert report.ok
    assert (report.steps, report.executed, report.taken, report.version) == (7, 7, 0, run.version)
    assert (report.run_id, report.workflow_id, report.workflow_version) == (run.id, "orders", 1)
    assert written(ledger) == before


async def test_async_executors_are_awaited_on_the_callers_loop(ledger: fl.Ledger, run: fl.Run) -> None:
    assert await ledger.history.areplay(run.id) == ledger.history.replay(run.id)


def test_each_step_sees_what_it_saw_then(ledger: fl.Ledger, run: fl.Run) -> None:
    seen: list[tuple[Any, ...]] = []

    def looking(function: Executor) -> Executor:
        def look(step: fl.StepContext) -> Any:
            shown = {node_id: [result.to_data() for result in results] for node_id, results in step.context.items()}
            seen.append((step.node.id, step.data, step.payload, step.attempt, step.runs, step.idempotency_key, shown))
            return function(step)

        return look

    executors = fl.ExecutorRegistry()
    for executor in registry():
        executors.register(executor.type, retry=executor.retry)(looking(executor.function))
    harness = opened_with(ledger, executors)
    again = run_of_all(harness)
    then, seen[:] = list(seen), []
    assert harness.history.replay(again.id).ok
    assert seen == then


# --- divergences, each planted and named ------------------------------------------------------------------------------


def other_lines(step: fl.StepContext) -> Any:
    return {"total": sum(step.data["items"]), "lines": [{"price": item // 2} for item in step.data["items"]]}


def other_way(step: fl.StepContext) -> Any:
    return fl.StepResult(None, handle="book")


async def other_error(step: fl.StepContext) -> Any:
    raise ConnectionError("no answer for 120")


async def no_error(step: fl.StepContext) -> Any:
    return {"booked": True}


def failing(step: fl.StepContext) -> Any:
    raise KeyError("items")


def other_reason(step: fl.StepContext) -> Any:
    return fl.Pause("over 99")


def no_pause(step: fl.StepContext) -> Any:
    return {"approved": False}


def as_a_fraction(step: fl.StepContext) -> Any:
    return CODE["price"](step) | {"total": 120.0}


BY_CODE: list[tuple[str, Executor, str, str, Any, Any]] = [
    ("price", other_lines, "output", "/lines/0/price", 80, 40),
    ("price", as_a_fraction, "output", "/total", 120, 120.0),
    ("decide", other_way, "handle", "", "ask", "book"),
    ("ask", other_reason, "pause", "/reason", "over 100", "over 99"),
    ("ask", no_pause, "pause", "", {"reason": "over 100", "until": False}, None),
    ("book", other_error, "error", "/type", "TimeoutError", "ConnectionError"),
    ("book", no_error, "error", "", {"type": "TimeoutError", "message": "no answer for 120"}, None),
    ("end", failing, "error", "", None, {"type": "KeyError", "message": "'items'"}),
]


@pytest.mark.parametrize(("type", "code", "kind", "path", "expected", "got"), BY_CODE, ids=lambda value: None)
def test_other_code_diverges_where_it_does_something_else(
    ledger: fl.Ledger, run: fl.Run, type: str, code: Executor, kind: str, path: str, expected: Any, got: Any
) -> None:
    report = opened_with(ledger, registry(None, **{type: code})).history.replay(run.id)
    found = report.divergence
    assert found is not None
    assert not report.ok
    assert (found.kind, found.path, found.expected, found.got) == (kind, path, expected, got)
    assert (found.node_id, found.attempt, found.version) == (type, 1, VERSIONS[type])
    assert found.code_changed is True
    assert report.version == found.version - 1
    assert "its code has changed since" in str(found)


def at(version: int, **values: Any) -> Callable[[list[NewEvent]], None]:
    """Change one event; None takes a key away."""

    def change(events: list[NewEvent]) -> None:
        data = {**events[version - 1].data, **values}
        kept = {key: value for key, value in data.items() if value is not None}
        events[version - 1] = NewEvent(events[version - 1].type, kept)

    return change


def without(version: int) -> Callable[[list[NewEvent]], None]:
    def change(events: list[NewEvent]) -> None:
        del events[version - 1]

    return change


OTHER_DIGEST = "0" * 64

IN_THE_RECORD: list[tuple[Callable[[list[NewEvent]], None], str, int, str, Any, Any]] = [
    (at(1, definition_digest=OTHER_DIGEST), "definition", 1, "", OTHER_DIGEST, fl.WorkflowDefinition),
    (at(2, node_id="ghost"), "definition", 2, "", "ghost", None),
    (at(2, next_node_id="book"), "order", 2, "/nextNodeId", "book", "decide"),
    (at(3, handle="book"), "order", 3, "/nextNodeId", "ask", "book"),
    (at(3, handle="away", next_node_id=None), "order", 3, "/unrouted", False, True),
    (without(3), "order", 3, "/nodeId", "ask", "decide"),
    (at(9, attempt=3), "order", 9, "/attempt", 3, 2),
    (at(2, input={"items": [80, 41], "currency": "EUR"}), "input", 2, "/items/1", 41, 40),
    (at(2, output={"total": 120, "lines": []}), "output", 2, "/lines/0", None, {"price": 80}),
]


@pytest.mark.parametrize(
    ("change", "kind", "version", "path", "expected", "got"), IN_THE_RECORD, ids=lambda value: None
)
def test_a_record_that_the_definition_does_not_lead_to_diverges(
    ledger: fl.Ledger, run: fl.Run, change: Any, kind: str, version: int, path: str, expected: Any, got: Any
) -> None:
    found = ledger.history.replay(forged(ledger, run.id, change)).divergence
    assert found is not None
    if got is fl.WorkflowDefinition:
        got = fl.WorkflowDefinition.model_validate(WORKFLOW).digest
    assert (found.kind, found.version, found.path, found.expected, found.got) == (kind, version, path, expected, got)
    assert found.code_changed is (None if found.node_id in (None, "ghost") else False)


SWITCHED_OFF: list[tuple[str, Callable[..., Any], Callable[[list[NewEvent]], None]]] = [
    ("outcome_difference", lambda *_: None, at(2, output={"total": 120})),
    ("first_difference", lambda *_: None, at(2, input={"items": []})),
    ("first_difference", lambda *_: None, at(1, definition_digest=OTHER_DIGEST)),
    ("Replay._find_misplacement", lambda *_: None, at(2, next_node_id="book")),
]


@pytest.mark.parametrize(("check", "nothing", "change"), SWITCHED_OFF, ids=lambda value: str(value)[:20])
def test_each_check_is_what_finds_its_divergence(
    ledger: fl.Ledger, run: fl.Run, monkeypatch: pytest.MonkeyPatch, check: str, nothing: Any, change: Any
) -> None:
    run_id = forged(ledger, run.id, change)
    assert not ledger.history.replay(run_id).ok
    owner, _, name = check.rpartition(".")
    monkeypatch.setattr(getattr(rerun, owner) if owner else rerun, name, nothing)
    assert ledger.history.replay(run_id).ok


def test_an_executor_that_nobody_registers_any_more_is_named(ledger: fl.Ledger, run: fl.Run) -> None:
    executors = fl.ExecutorRegistry()
    for executor in registry():
        if executor.type != "book":
            executors.register(executor.type)(executor.function)
    found = opened_with(ledger, executors).history.replay(run.id).divergence
    assert found is not None
    assert (found.kind, found.version, found.expected, found.code_changed) == ("missing executor", 7, "book", None)


def test_without_verify_only_the_record_is_checked_and_nobody_needs_code(ledger: fl.Ledger, run: fl.Run) -> None:
    harness = opened_with(ledger, None)
    report = harness.history.replay(run.id, verify=False)
    assert (report.ok, report.steps, report.executed, report.taken) == (True, 7, 0, 7)
    found = harness.history.replay(forged(ledger, run.id, without(3)), verify=False).divergence
    assert found is not None
    assert found.kind == "order"
    called: list[str] = []
    opened_with(ledger, registry(None, price=lambda step: called.append("price"))).history.replay(run.id, verify=False)
    assert called == []


# --- what is taken from the record ------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", [{"deterministic": False}, {"effects": True}])
def test_what_may_not_run_again_is_taken_from_the_record(
    ledger: fl.Ledger, run: fl.Run, option: dict[str, bool]
) -> None:
    calls: list[int] = []

    def counted(step: fl.StepContext) -> Any:
        calls.append(step.attempt)
        return "something else"

    report = opened_with(ledger, registry({"book": option}, book=counted)).history.replay(run.id)
    assert calls == []
    assert (report.executed, report.taken) == (5, 2)
    (book,) = (executor for executor in report.executors if executor.type == "book")
    assert (book.executed, book.taken, book.code_changed) == (0, 2, True)
    assert (book.deterministic, book.effects) == (option.get("deterministic", True), option.get("effects", False))
    # Nobody can say what the other code would have done.
    assert report.divergence is not None
    assert (report.divergence.kind, report.divergence.version) == ("code", 7)


def test_a_doubt_gives_way_to_a_certain_divergence(ledger: fl.Ledger, run: fl.Run) -> None:
    executors = registry({"price": {"effects": True}}, price=other_lines, end=failing)
    found = opened_with(ledger, executors).history.replay(run.id).divergence
    assert found is not None
    assert (found.kind, found.node_id) == ("error", "end")


def test_the_same_code_with_effects_raises_no_doubt(ledger: fl.Ledger, run: fl.Run) -> None:
    report = opened_with(ledger, registry({"book": {"effects": True}})).history.replay(run.id)
    assert (report.ok, report.taken) == (True, 2)


def test_effects_happen_where_they_are_named(ledger: fl.Ledger, run: fl.Run) -> None:
    harness = opened_with(ledger, registry({"book": {"effects": True}}))
    report = harness.history.replay(run.id, effects=("book",))
    assert (report.ok, report.executed, report.taken) == (True, 7, 0)


# --- globals ----------------------------------------------------------------------------------------------------------


def secretive(ledger: fl.Ledger, node: dict[str, Any], **code: Executor) -> tuple[fl.Ledger, str]:
    executors = fl.ExecutorRegistry()
    for type, function in code.items():
        executors.register(type)(function)
    harness = opened_with(ledger, executors)
    harness.workflows.save({"nodes": [{"id": "n", **node}]}, workflow_id="secrets")
    return harness, harness.runs.start("secrets", globals={"token": "tr0ub4dor"}).id


def test_a_masked_input_asks_for_globals_and_is_rendered_again_with_them(ledger: fl.Ledger) -> None:
    node = {"type": "length", "data": {"auth": "Bearer {{ globals.token }}"}}
    harness, run_id = secretive(ledger, node, length=lambda step: len(step.data["auth"]))
    found = harness.history.replay(run_id).divergence
    assert found is not None
    assert (found.kind, found.expected) == ("masked input", {"auth": "***"})
    assert "pass them to the replay" in str(found)
    assert harness.history.replay(run_id, globals={"token": "tr0ub4dor"}).ok
    shorter = harness.history.replay(run_id, globals={"token": "x"}).divergence
    assert shorter is not None
    assert (shorter.kind, shorter.expected, shorter.got) == ("output", 16, 8)


def test_an_executor_that_misses_globals_asks_for_them_too(ledger: fl.Ledger) -> None:
    harness, run_id = secretive(ledger, {"type": "take"}, take=lambda step: len(step.globals["token"]))
    found = harness.history.replay(run_id).divergence
    assert found is not None
    assert found.kind == "masked input"
    assert harness.history.replay(run_id, globals={"token": "tr0ub4dor"}).ok


def test_an_error_that_held_a_secret_is_compared_masked(ledger: fl.Ledger) -> None:
    def refuse(step: fl.StepContext) -> Any:
        raise PermissionError(f"not with {step.globals['token']}")

    harness, run_id = secretive(ledger, {"type": "refuse"}, refuse=refuse)
    assert harness.history.replay(run_id, globals={"token": "tr0ub4dor"}).ok


# --- runs of other kinds ----------------------------------------------------------------------------------------------


def test_a_run_that_waits_is_replayed_as_far_as_it_is(ledger: fl.Ledger) -> None:
    ledger.workflows.save(WORKFLOW, workflow_id="orders")
    run = ledger.runs.start("orders", payload={"items": [80, 40]})
    report = ledger.history.replay(run.id)
    assert (run.status, report.ok, report.steps, report.version) == ("paused", True, 3, 4)


def test_operators_in_between_change_nothing(ledger: fl.Ledger) -> None:
    executors = fl.ExecutorRegistry()
    runs: list[str] = []

    @executors.register("slow")
    def slow(step: fl.StepContext) -> Any:
        if not runs:
            runs.append(step.run_id or "")
            harness.runs.hold(runs[0], by="ops")
            harness.runs.set_metadata(runs[0], {"seen": True})
            harness.runs.cancel(runs[0], by="ops")
        return step.payload

    harness = opened_with(ledger, executors)
    harness.workflows.save({"nodes": [{"id": "n", "type": "slow"}]}, workflow_id="slow")
    run = harness.runs.start("slow", payload=[1])
    report = harness.history.replay(run.id)
    assert (run.status, report.ok, report.executed) == ("cancelled", True, 1)


def test_a_retry_sees_the_results_that_it_reused(ledger: fl.Ledger, run: fl.Run) -> None:
    retry = ledger.runs.retry(run.id, from_node="end")
    assert retry.origin is not None
    report = ledger.history.replay(retry.id)
    assert (report.ok, report.steps) == (True, 1)


def test_a_step_that_was_refused_for_its_input_is_refused_again(ledger: fl.Ledger) -> None:
    executors = registry()
    executors.register("typed", input={"type": "object", "properties": {"n": {"type": "integer"}}})(lambda step: 1)
    harness = opened_with(ledger, executors)
    for data in ({"n": "{{ nodes.first.last.data.total }}"}, {"n": "{{ nodes.first.last.data }}"}, {"n": "{{ nope }}"}):
        nodes = [
            {"id": "first", "type": "price", "data": {"items": [1]}},
            {"id": "typed", "type": "typed", "data": data},
        ]
        definition = {"nodes": nodes, "edges": [{"source": "first", "target": "typed"}]}
        harness.workflows.save(definition, workflow_id="typed")
        assert harness.history.replay(harness.runs.start("typed").id).ok


def test_what_was_too_large_to_be_recorded_is_no_divergence() -> None:
    def large(step: fl.StepContext) -> Any:
        for _ in range(20):
            step.log.info("x" * 250_000)
        return "y"

    with fl.open_ledger("memory:", registry(None, price=large), max_value_bytes=2**20) as small:
        small.workflows.save({"nodes": [{"id": "n", "type": "price", "data": {"n": 1}}]}, workflow_id="large")
        run = small.runs.start("large")
        report = small.history.replay(run.id)
    assert (run.status, report.ok, report.taken) == ("failed", True, 1)


def test_what_an_executor_is_given_refuses_change(ledger: fl.Ledger) -> None:
    def mutate(step: fl.StepContext) -> Any:
        refused = 0
        outputs = [result.output for result in step.context.get("first", ())]
        for value in (step.data["list"], *outputs, *([step.payload] if step.payload is not None else [])):
            try:
                value.append(1)
            except TypeError:
                refused += 1
        return refused

    executors = fl.ExecutorRegistry()
    executors.register("list")(lambda step: [])
    executors.register("mutate", retry=fl.RetryPolicy(max_retries=1, interval=0.0))(mutate)
    harness = opened_with(ledger, executors)
    nodes = [{"id": "first", "type": "list"}, {"id": "n", "type": "mutate", "data": {"list": []}}]
    harness.workflows.save({"nodes": nodes, "edges": [{"source": "first", "target": "n"}]}, workflow_id="lists")
    run = harness.runs.start("lists")
    assert run.snapshot.context["n"][0].output == 2
    harness.workflows.save({"nodes": [nodes[1]]}, workflow_id="payload")
    run = harness.runs.start("payload", payload=[])
    assert run.snapshot.context["n"][0].output == 2
    assert harness.history.replay(run.id).ok


def test_a_payload_that_was_read_back_refuses_change_in_a_retry_too(ledger: fl.Ledger) -> None:
    executors = fl.ExecutorRegistry()

    @executors.register("mutate", retry=fl.RetryPolicy(max_retries=2, interval=0.0))
    def mutate(step: fl.StepContext) -> Any:
        step.payload["n"] = step.attempt

    harness = opened_with(ledger, executors)
    harness.workflows.save({"nodes": [{"id": "n", "type": "mutate"}]}, workflow_id="mutate")
    run = harness.runs.start("mutate", payload={"n": 0})
    run = harness.runs.proceed(run.id)
    assert [(result.attempt, (result.error or "").split(":")[0]) for result in run.snapshot.context["n"]] == [
        (1, "TypeError"),
        (2, "TypeError"),
    ]


# --- bad calls --------------------------------------------------------------------------------------------------------


def test_calls_that_make_no_sense_are_refused(ledger: fl.Ledger, run: fl.Run) -> None:
    history = ledger.history
    with pytest.raises(fl.RunNotFound):
        history.replay("nobody")
    with pytest.raises(fl.RunNotFound):
        history.replay("workflow:orders")
    with pytest.raises(fl.InvalidRequest, match="no executor is registered for type 'ghost'"):
        history.replay(run.id, effects=("ghost",))
    with pytest.raises(fl.InvalidRequest, match=r"effects=\('book',\)"):
        history.replay(run.id, effects="book")
    with pytest.raises(fl.InvalidRequest, match="globals are a mapping"):
        history.replay(run.id, globals=["token"])  # type: ignore[arg-type]
    with pytest.raises(fl.InvalidRequest, match="opened without executors"):
        opened_with(ledger, None).history.replay(run.id)
    with pytest.raises(fl.InvalidRequest, match="deterministic and effects are True or False"):
        fl.ExecutorRegistry().register("x", deterministic="no")(lambda step: 1)  # type: ignore[arg-type]


def test_events_of_an_older_schema_are_replayed_as_they_read_today(
    ledger: fl.Ledger, run: fl.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upcast(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "output": {"total": 240}} if data["node_id"] == "price" else data

    today = dataclasses.replace(EVENT_TYPES["run.step_completed"], version=2, upcasters={1: upcast})
    monkeypatch.setitem(EVENT_TYPES, "run.step_completed", today)
    found = ledger.history.replay(run.id).divergence
    assert found is not None
    assert (found.kind, found.path, found.got[0]) == ("output", "/lines", {"price": 80})
