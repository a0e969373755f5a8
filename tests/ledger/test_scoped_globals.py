"""Globals that only some nodes are given."""

from typing import Any

import pytest

import flowledger as fl

SECRET = "tr0ub4dor-&-3"
GLOBALS: dict[str, Any] = {
    "token": fl.Scoped(SECRET, types=("charge-card",)),
    "pin": fl.Scoped("98765-pin", nodes=("second",)),
    "region": "eu-west",
}


def registry(**more: Any) -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    for type in ("charge-card", "mail"):
        executors.register(type, **more)(names_of_globals)
    return executors


def names_of_globals(step: fl.StepContext) -> Any:
    if step.data.get("pause") and step.payload is None:
        return fl.Pause()
    return [*sorted(step.globals), str(step.globals.get("token", "none"))[:4], str(step.data.get("text", ""))[:4]]


def definition(first: Any = None, second: Any = None, *, pause: bool = False) -> dict[str, Any]:
    return {
        "nodes": [
            {"id": "first", "type": "charge-card", "data": {"text": first or "", "pause": pause}},
            {"id": "second", "type": "mail", "data": {"text": second or ""}},
        ],
        "edges": [{"source": "first", "target": "second"}],
    }


FIRST = ["region", "token", "tr0u"]
SECOND = ["pin", "region", "none"]


def seen(run: fl.Run, node: str) -> Any:
    return run.snapshot.context[node][-1].output[:3]


def test_each_node_is_given_its_own() -> None:
    with fl.open_ledger("memory:", registry()) as ledger:
        ledger.workflows.save(definition("{{ globals.token }}", "{{ globals.pin }}"), workflow_id="w", by="ada")
        run = ledger.runs.start("w", globals=GLOBALS, by="ada")
        assert run.status == "completed"
        assert run.snapshot.context["first"][0].output == [*FIRST, "tr0u"]
        assert run.snapshot.context["second"][0].output == [*SECOND, "9876"]


def test_every_call_that_takes_globals_keeps_to_it() -> None:
    with fl.open_ledger("memory:", registry()) as ledger:
        ledger.workflows.save(definition(pause=True), workflow_id="w", by="ada")
        paused = ledger.runs.start("w", globals=GLOBALS, by="ada", step_limit=1)
        resumed = ledger.runs.resume(paused.id, payload={}, globals=GLOBALS, by="ada")
        again = ledger.runs.reproduce(resumed.id, globals=GLOBALS, by="ada")
        retried = ledger.runs.resume(again.id, payload={}, globals=GLOBALS, by="ada")
        other = ledger.runs.fork(resumed.id, resumed.version - 1, globals=GLOBALS, by="ada")
        assert seen(resumed, "first") == FIRST
        assert [seen(run, "second") for run in (resumed, retried, other)] == [SECOND] * 3
        assert ledger.history.replay(resumed.id, globals=GLOBALS).ok
        version = next(event.version for event in ledger.history.events(resumed.id) if "output" in event.data)
        assert sorted(ledger.history.context_at(resumed.id, version, globals=GLOBALS).globals) == ["region", "token"]


async def test_async_calls_and_engines_keep_to_it_too() -> None:
    engine = fl.Engine(fl.WorkflowDefinition.model_validate(definition()), registry())
    snapshot = await engine.aexecute(globals=GLOBALS)
    assert [snapshot.context[node][0].output[:3] for node in ("first", "second")] == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("globals.token", "globals.token is limited to nodes of type 'charge-card'"),
        ("globals['token']", "globals.token is limited to nodes of type 'charge-card'"),
        ("globals.token + 'x'", "globals.token is limited to nodes of type 'charge-card'"),
        ("globals.token.size() > 3", "globals.token is limited to nodes of type 'charge-card'"),
        ("[globals].map(g, g.token)", "unknown reference"),
        ("globals[payload.name]", "a key that the expression computes isn't there"),
    ],
)
def test_an_expression_elsewhere_is_told_whom_it_is_for(expression: str, says: str) -> None:
    with fl.open_ledger("memory:", registry()) as ledger:
        ledger.workflows.save(
            {"nodes": [{"id": "n", "type": "mail", "data": {"text": f"{{{{ {expression} }}}}"}}]},
            workflow_id="w",
            by="ada",
        )
        run = ledger.runs.start("w", payload={"name": "token"}, globals=GLOBALS, by="ada")
        assert run.status == "failed"
        error = run.snapshot.context["n"][0].error or ""
        assert says in error
        assert SECRET not in error


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("has(globals.token)", False),
        ("'token' in globals", False),
        ("size(globals)", 1),
        ("globals", {"region": "eu-west"}),
    ],
)
def test_for_an_expression_elsewhere_it_isnt_there(expression: str, value: Any) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("mail")(lambda step: step.data["x"])
    with fl.open_ledger("memory:", executors) as ledger:
        node = {"id": "n", "type": "mail", "data": {"x": f"{{{{ {expression} }}}}"}}
        ledger.workflows.save({"nodes": [node]}, workflow_id="w", by="ada")
        run = ledger.runs.start("w", globals=GLOBALS, by="ada")
        assert run.snapshot.context["n"][0].output == value


def test_an_executor_alone_may_be_given_it() -> None:
    given = {"token": fl.Scoped(SECRET, types=("charge-card",), expressions=False)}
    with fl.open_ledger("memory:", registry()) as ledger:
        ledger.workflows.save(definition("no {{ has(globals.token) }}"), workflow_id="w", by="ada")
        run = ledger.runs.start("w", globals=given, by="ada")
        assert run.snapshot.context["first"][0].output == ["token", "tr0u", "no f"]
        ledger.workflows.save(definition("{{ globals.token[0] == 't' }}"), workflow_id="w", by="ada")
        run = ledger.runs.start("w", globals=given, by="ada")
        error = run.snapshot.context["first"][0].error or ""
        assert "globals.token is limited to the executors of nodes of type 'charge-card'" in error


def test_it_is_masked_also_where_it_isnt_given() -> None:
    executors = fl.ExecutorRegistry()

    @executors.register("mail")
    def mail(step: fl.StepContext) -> None:
        step.log.info("no %s", SECRET)
        raise ValueError(f"bad {SECRET}")

    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "mail"}]}, workflow_id="w", by="ada")
        run = ledger.runs.start("w", globals=GLOBALS, by="ada")
        recorded = [event.data for event in ledger.history.events(run.id)][1]
        assert recorded["error"]["message"] == "bad ***"
        assert recorded["logs"][0]["message"] == "no ***"


def test_an_input_that_is_refused_before_the_run_begins_was_made_without_it() -> None:
    executors = registry(input={"type": "object", "properties": {"text": {"type": "integer"}}})
    with fl.open_ledger("memory:", executors) as ledger:
        nodes = [{"id": "n", "type": "charge-card", "data": {"text": "{{ globals.token }}"}}]
        ledger.workflows.save({"nodes": nodes}, workflow_id="w", by="ada")
        with pytest.raises(fl.WorkOrderRejected) as refused:
            ledger.runs.start("w", globals=GLOBALS, by="ada")
        assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [{}, {"types": ()}, {"types": "charge-card"}, {"nodes": "n"}, {"types": [1]}, {"types": None}, {"nodes": 7}],
)
def test_who_names_nobody_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(fl.InvalidRequest, match="Scoped"):
        fl.Scoped(SECRET, **given)


def test_it_shows_its_value_to_nobody() -> None:
    scoped = fl.Scoped(SECRET, types=["charge-card"], nodes=["n"])  # type: ignore[arg-type]
    assert SECRET not in repr(scoped)
    assert str(scoped) == "nodes of type 'charge-card' and node 'n'"
