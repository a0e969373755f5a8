"""How many expressions a definition may have, and what becomes of older ones that have more."""

from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.errors import ExpressionError, InvalidDefinition
from flowledger.domain.execution.executors import ExecutorRegistry
from flowledger.domain.execution.plan import make_plan
from flowledger.domain.expressions import Scope, compile_template
from flowledger.domain.expressions.amount import DEFINITION_LIMIT, NODE_LIMIT
from flowledger.domain.workflow.definition import WorkflowDefinition
from flowledger.infrastructure.execution.expressions.dependencies import PLANNING_DEPENDENCIES

from .scenes import LANGUAGE, value_of


def chain(*data: object) -> dict[str, object]:
    """A definition of nodes with this data, one after the other."""
    nodes = [{"id": f"n{number}", "type": "t", "data": of_node} for number, of_node in enumerate(data)]
    edges = [{"id": f"e{to}", "source": f"n{to - 1}", "target": f"n{to}"} for to in range(1, len(data))]
    return {"nodes": nodes, "edges": edges}


@pytest.fixture
def executors() -> ExecutorRegistry:
    registry = ExecutorRegistry()
    registry.register("t")(lambda step: step.data)
    return registry


def test_as_many_expressions_as_a_node_may_have_are_evaluated() -> None:
    assert value_of(["{{ 1 }}"] * NODE_LIMIT.expressions) == [1] * NODE_LIMIT.expressions
    braces = "{{ never closed " * (NODE_LIMIT.expressions + 1)
    assert value_of(braces) == braces


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (["{{ 1 }}"] * (NODE_LIMIT.expressions + 1), "over 1,000 expressions"),
        ({"a": {"b": "{{ 1 }} " * 600, "c": ["{{ 1 }}"] * 600}}, "over 1,000 expressions"),
        (["{{ '" + "x" * 4000 + "' }}"] * 51, "over 200,000 characters of expressions"),
    ],
)
def test_a_node_with_more_is_refused_at_a_save_and_fails_its_step_if_it_was_saved_before(
    data: object, said: str, executors: ExecutorRegistry
) -> None:
    for registry in (executors, None):
        with (
            fl.open_ledger("memory:", registry) as ledger,
            pytest.raises(InvalidDefinition, match=rf"nodes\[1\]\.data: there are {said}"),
        ):
            ledger.workflows.save(chain(1, data), workflow_id="w", by="ada")
    template = compile_template(data, LANGUAGE, where="n1")
    assert [str(fault) for fault in template.faults] == [f"data: {template.faults[0].message}"]
    with pytest.raises(ExpressionError, match=f"node 'n1', field data: there are {said}"):
        template.render(Scope())


def test_a_definition_with_more_is_refused_at_a_save_and_those_of_its_steps_fail_that_have_expressions(
    executors: ExecutorRegistry,
) -> None:
    expressions = ["{{ 1 }}"] * NODE_LIMIT.expressions
    nodes = DEFINITION_LIMIT.expressions // NODE_LIMIT.expressions
    with fl.open_ledger("memory:", executors) as ledger:
        assert ledger.workflows.save(chain(*[expressions] * nodes), workflow_id="w", by="ada").version == 1
        with pytest.raises(
            InvalidDefinition, match="nodes: there are over 5,000 expressions, the limit for a definition"
        ):
            ledger.workflows.save(chain(*[expressions] * nodes, "{{ 1 }}"), workflow_id="w", by="ada")
    saved_before = WorkflowDefinition.model_validate(chain("no {{ more", *[expressions] * nodes, "{{ 1 }}"))
    plan = make_plan(saved_before, executors, PLANNING_DEPENDENCIES)
    assert plan.nodes["n0"].template.render(Scope()).value == "no {{ more"
    for node_id in ("n1", f"n{nodes + 1}"):
        with pytest.raises(ExpressionError, match="over 5,000 expressions"):
            plan.nodes[node_id].template.render(Scope())


def test_a_long_key_is_not_repeated_for_each_expression_below_it() -> None:
    key = "k" * 1_000_000
    template = compile_template({key: ["{{ 1 + }}"] * 100}, LANGUAGE, where="n")
    assert len(template.faults) == 100
    assert max(len(str(fault)) for fault in template.faults) < 2_000
    with pytest.raises(ExpressionError) as raised:
        template.render(Scope())
    assert len(str(raised.value)) < 2_000


def test_conditions_of_edges_count_and_those_of_disabled_edges_and_verbatim_data_do_not(
    executors: ExecutorRegistry,
) -> None:
    most = DEFINITION_LIMIT.expressions

    def with_conditions(number: int, **more: object) -> dict[str, Any]:
        edges = [{"source": "n0", "target": "n1", "when": "true"} for _ in range(number - 1)]
        edges += [{"source": "n0", "target": "n1", "when": "{{ true }}", **more}]
        return chain(0, 0) | {"edges": edges, "start": "n0"}

    with fl.open_ledger("memory:", executors) as ledger:
        assert ledger.workflows.save(with_conditions(most), workflow_id="w", by="ada").version == 1
        assert ledger.workflows.save(with_conditions(most + 1, enabled=False), workflow_id="w", by="ada").version == 2
        with pytest.raises(InvalidDefinition, match="nodes: there are over 5,000 expressions"):
            ledger.workflows.save(with_conditions(most + 1), workflow_id="w", by="ada")
        braces = {"id": "n0", "type": "t", "data": ["{{ 1 }}"] * (NODE_LIMIT.expressions + 1), "expressions": False}
        ledger.workflows.save({"nodes": [braces]}, workflow_id="braces", by="ada")
        assert ledger.runs.start("braces").snapshot.context["n0"][-1].output == braces["data"]
    plan = make_plan(WorkflowDefinition.model_validate(with_conditions(most + 1)), executors, PLANNING_DEPENDENCIES)
    assert {condition.fault for condition in plan.routes["n0"].conditions()} == {
        "there are over 5,000 expressions, the limit for a definition; do this work in an executor"
    }


def test_a_condition_that_can_not_be_compiled_is_warned_of_at_the_save(
    executors: ExecutorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    edges = [{"source": "n0", "target": "n1", "when": "1 +"}]
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save(chain(0, 0) | {"edges": edges}, workflow_id="w", by="ada")
    assert "the run will fail behind node 'n0': the condition of edge 'n0 → n1', {{ 1 + }}: syntax error" in caplog.text
