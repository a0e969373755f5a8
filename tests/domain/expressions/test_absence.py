"""Where there is no payload or no answer, what is read of it is null, and nothing that reads it fails the step."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.errors import ExpressionError

from ...effort import tries
from .scenes import Result, scope, value_of

NOTHING = scope(input={"k": "q", "n": 2, "xs": [{"a": 1}]}, nodes={"a": [Result({"x": 1})]})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("{{ R }}", None),
        ("{{ R.a.b[0]['c'] }}", None),
        ("{{ R == null }}", True),
        ("{{ R.a == null ? 'none' : R.a }}", "none"),
        ("{{ has(R.a) ? 1 : 2 }}", 2),
        ("{{ has(R[input.k].b) ? 1 : 2 }}", 2),
        ("{{ R[input.k].b }}", None),
        ("{{ R['a' + 'b'].c[0] }}", None),
        ("{{ [R.a, input.n] }}", [None, 2]),
        ('{{ {"a": R.a} }}', {"a": None}),
        ("{{ R.a * 2 }}", None),
        ("{{ R.a.size() }}", None),
        ("{{ size(R.a) }}", None),
        ("{{ R.xs.exists(x, x.a == 1) }}", None),
        ("{{ R.xs.map(x, x.a) }}", None),
        ("{{ 'to ' + R.name }}", None),
        ("to {{ R.name }}!", "to !"),
        ("{{ !R.a }}", None),
        ("{{ R.t.matches('a') }}", None),
        ("{{ timestamp(R.t).getFullYear() }}", None),
        ("{{ input.xs.map(R, R.a) }}", [1]),
    ],
)
@pytest.mark.parametrize("root", ["payload", "answer"])
def test_what_is_read_of_what_is_not_there_is_null(root: str, expression: str, value: Any) -> None:
    assert value_of(expression.replace("R", root), NOTHING) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("{{ nodes.b.output == payload.x }}", "unknown reference 'b' in nodes"),
        ("{{ payload.x == null && globals.key == '' }}", "unknown reference 'key' in globals"),
        ("{{ inputs.x == payload.x }}", "unknown reference 'inputs', did you mean 'input'"),
        ("{{ input.k * 2 }}", "type error"),
        ("{{ nodes.a.output.payload }}", "unknown reference 'payload' in nodes.a.output"),
    ],
)
def test_other_mistakes_fail_as_ever(expression: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        value_of(expression, NOTHING)


@pytest.mark.parametrize("root", ["payload", "answer"])
def test_a_part_that_is_missing_of_what_is_there_fails(root: str) -> None:
    there = replace(NOTHING, payload={"a": None}, answer={"a": None})
    with pytest.raises(ExpressionError, match=f"unknown reference 'b' in {root}"):
        value_of(f"{{{{ {root}.b }}}}", there)
    with pytest.raises(ExpressionError, match=f"{root}.a is null"):
        value_of(f"{{{{ {root}.a.b }}}}", there)


def test_one_may_be_there_without_the_other() -> None:
    there = replace(NOTHING, payload={"a": 3})
    assert value_of("{{ answer == null ? payload.a : answer.a }}", there) == 3
    assert value_of("{{ [answer.a, payload.a] }}", there) == [None, 3]


PATHS = st.sampled_from(["payload.a", "answer.a.b", "payload['x'][0]", "answer[input.k]", "payload", "answer"])
FORMS = st.sampled_from(
    [
        *("P", "P + Q", "P * 2", "P == Q", "P > 3", "P && Q", "P || Q", "!P", "-P", "P ? Q : 1", "string(P)", "int(P)"),
        *("size(P)", "P.size()", "[P, Q]", "P in [Q]", "'a' in P", "P.map(e, e + Q)", "input.xs.map(e, Q)", "P[Q]"),
        *("P.matches('a')", "P.startsWith(string(Q))", "duration(P)", "has(P.z) ? P.z : Q", "{'a': P}", "P % 2"),
        "P.getHours()",
    ]
)


@given(form=FORMS, paths=st.tuples(PATHS, PATHS), around=st.sampled_from(["{{ E }}", "so: {{ E }}."]))
@settings(max_examples=tries(300), deadline=None)
def test_no_expression_of_what_is_absent_fails_the_first_visit(form: str, paths: tuple[str, str], around: str) -> None:
    expression = form.replace("P", paths[0]).replace("Q", paths[1])
    value_of(around.replace("E", expression), NOTHING)


def test_a_node_that_waits_sees_nothing_then_its_answer_and_the_next_one_neither() -> None:
    seen: list[Any] = []
    executors = fl.ExecutorRegistry()
    data = {"said": "{{ answer.text }}", "came": "{{ payload.text }}", "is": "{{ answer != null }}"}

    @executors.register("ask")
    def ask(step: fl.StepContext) -> Any:
        seen.append(dict(step.data))
        return fl.Pause("?") if step.answer is None else 1

    @executors.register("next")
    def following(step: fl.StepContext) -> None:
        seen.append(dict(step.data))

    nodes = [{"id": "a", "type": "ask", "data": data}, {"id": "b", "type": "next", "data": data}]
    with fl.open_ledger("memory:", executors) as ledger:
        definition = {"nodes": nodes, "edges": [{"source": "a", "target": "b", "when": "answer.text == 'yes'"}]}
        ledger.workflows.save(definition, workflow_id="w", by="ada")
        run = ledger.runs.start("w", payload={"text": "start"}, by="shop")
        run = ledger.runs.resume(run.id, payload={"text": "yes"}, by="bob")
        assert ledger.history.replay(run.id).ok
    assert seen[:3] == [
        {"said": None, "came": "start", "is": False},
        {"said": "yes", "came": "yes", "is": True},
        {"said": None, "came": None, "is": False},
    ]
