"""Code that was deployed again: a comment, a layout or a module is no drift, anywhere; other code is, everywhere."""

import importlib.util
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.testing import Diverged, replay_case

from .harness import opened_with

AS_IT_WAS = """
def charge(step):
    return {"amount": step.payload}
"""
RELAID = {
    "a comment": AS_IT_WAS.replace("    return", "    # the amount of the order  # noqa\n    return"),
    "white space": AS_IT_WAS.replace('{"amount": step.payload}', '{\n        "amount": step.payload,\n    }'),
    "a method": "\nclass Till:\n    @staticmethod\n"
    + AS_IT_WAS.strip("\n").replace("def", "    def").replace("    return", "        return")
    + "\n\ncharge = Till.charge\n",
}
OTHER = AS_IT_WAS.replace("step.payload", "step.payload * 2")
DEFINITION = {
    "nodes": [{"id": "charge", "type": "charge"}, {"id": "sum", "type": "sum"}],
    "edges": [{"source": "charge", "target": "sum"}],
}

Deploy = Callable[..., fl.ExecutorRegistry]


@pytest.fixture
def deploy(tmp_path: Path) -> Deploy:
    """The executors of a new module with this source of ``charge``."""
    number = count()

    def load(source: str, more: int = 1) -> fl.ExecutorRegistry:
        name = f"deployed_{next(number)}"
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        executors = fl.ExecutorRegistry()
        executors.register("charge", effects=True)(module.charge)
        total = sum_of_one if more == 1 else sum_of_two
        executors.register("sum")(total)
        return executors

    return load


def sum_of_one(step: fl.StepContext) -> Any:
    return step.context["charge"][-1].output["amount"] + 1


def sum_of_two(step: fl.StepContext) -> Any:
    return step.context["charge"][-1].output["amount"] + 2


@pytest.fixture
def run(ledger: fl.Ledger, deploy: Deploy) -> fl.Run:
    first = opened_with(ledger, deploy(AS_IT_WAS))
    first.workflows.save(DEFINITION, workflow_id="orders", by="ada")
    return first.runs.start("orders", payload=7)


@pytest.mark.parametrize("name", RELAID)
def test_other_text_of_the_same_code_is_no_drift_wherever_code_is_compared(
    ledger: fl.Ledger, run: fl.Run, deploy: Deploy, name: str
) -> None:
    now = opened_with(ledger, deploy(RELAID[name]))
    if name == "a method":  # whose decorator is a part of it
        first = opened_with(ledger, deploy(RELAID[name]))
        first.workflows.save(DEFINITION, workflow_id="orders")
        run = first.runs.start("orders", payload=7)
        now = opened_with(ledger, deploy(RELAID[name].replace("Till", "Elsewhere") + "# moved\n"))
    report = now.history.replay(run.id)
    assert (report.ok, report.code_changed, report.taken) == (True, (), 1)
    assert str(report).endswith("nothing diverged")

    assert preview_of(now, run).code_changed == ()
    later = now.runs.start("orders", payload=7)
    audit = now.history.audit(later.id)
    (used,) = (used for used in audit.code if used.node_type == "charge")
    assert not used.drifted
    assert "drifted" not in str(audit)
    if name != "a method":
        assert used.summary == "'charge': as saved in version 1, but for comments or layout"
        assert used.difference is not None
    compared = now.history.compare(run.id, later.id)
    assert not any(step.code_changed for step in compared.steps)


def preview_of(ledger: fl.Ledger, run: fl.Run) -> Any:
    return ledger.runs.retry(run.id, preview=True)


def test_other_code_is_drift_wherever_code_is_compared(ledger: fl.Ledger, run: fl.Run, deploy: Deploy) -> None:
    now = opened_with(ledger, deploy(OTHER))
    report = now.history.replay(run.id)
    assert report.divergence is not None
    assert (report.divergence.kind, report.divergence.node_id) == ("code", "charge")
    assert report.code_changed == ("charge",)
    assert preview_of(now, run).code_changed == ("charge",)
    later = now.runs.start("orders", payload=7)
    assert "code drifted since version 1: charge" in str(now.history.audit(later.id))
    assert [step.code_changed for step in now.history.compare(run.id, later.id).steps] == [True, False]


@pytest.mark.parametrize("is_async", [False, True])
async def test_ignored_code_is_said_all_the_same_and_that_outcomes_agree(
    ledger: fl.Ledger, run: fl.Run, deploy: Deploy, is_async: bool
) -> None:
    history = opened_with(ledger, deploy(OTHER)).history
    if is_async:
        report = await history.areplay(run.id, ignore_code=True)
        counted = await history.areplay(run.id)
    else:
        report, counted = history.replay(run.id, ignore_code=True), history.replay(run.id)
    assert (report.ok, report.ignored_code, report.code_changed) == (True, True, ("charge",))
    assert report.remark == (
        "what was executed (1) came out as recorded; code has changed since, which is left out of account: 'charge'"
    )
    assert report.to_data()["ignoredCode"] is True
    assert (counted.ok, counted.ignored_code) == (False, False)
    assert counted.remark == "what was executed (1) came out as recorded; code has changed since: 'charge'"
    assert str(counted).endswith(counted.remark)


def test_ignoring_code_never_hides_that_outcomes_differ(ledger: fl.Ledger, run: fl.Run, deploy: Deploy) -> None:
    for source, ignore in ((OTHER, True), (AS_IT_WAS, True), (AS_IT_WAS, False)):
        report = opened_with(ledger, deploy(source, 2)).history.replay(run.id, ignore_code=ignore)
        assert report.divergence is not None
        assert (report.divergence.kind, report.divergence.expected, report.divergence.got) == ("output", 8, 9)
        assert report.divergence.code_changed
        assert report.remark is None


def test_code_that_changed_in_the_middle_of_a_run_is_compared_with_what_ran_last(
    ledger: fl.Ledger, deploy: Deploy
) -> None:
    asking = "return flowledger.Pause() if step.payload is None else"
    waiting = "\nimport flowledger\n" + AS_IT_WAS.replace("return", asking)
    first = opened_with(ledger, deploy(waiting))
    first.workflows.save(DEFINITION, workflow_id="orders", by="ada")
    run = first.runs.start("orders")
    assert run.status == "paused"
    run = opened_with(ledger, deploy(AS_IT_WAS + "# later\n")).runs.resume(run.id, payload=7)
    assert run.status == "completed"
    for source, changed in ((AS_IT_WAS, ()), (RELAID["a comment"], ()), (waiting, ("charge",)), (OTHER, ("charge",))):
        now = opened_with(ledger, deploy(source))
        assert now.history.replay(run.id).code_changed == changed
        assert preview_of(now, run).code_changed == changed


def test_an_executor_without_source_is_compared_by_its_digest(ledger: fl.Ledger) -> None:
    def opened(function: Any) -> fl.Ledger:
        executors = fl.ExecutorRegistry()
        executors.register("show", effects=True)(function)
        return opened_with(ledger, executors)

    opened(repr).workflows.save({"nodes": [{"id": "a", "type": "show"}]}, workflow_id="w")
    run = opened(bool).runs.start("w")
    assert opened(bool).history.replay(run.id).code_changed == ()
    assert opened(callable).history.replay(run.id).code_changed == ("show",)


def test_a_kept_case_runs_after_a_comment_and_can_ignore_other_code(
    ledger: fl.Ledger, run: fl.Run, deploy: Deploy, tmp_path: Path
) -> None:
    case = tmp_path / "case.jsonl"
    ledger.history.export(run.id, case)
    assert replay_case(case, deploy(RELAID["a comment"])).ok
    with pytest.raises(Diverged, match="its code has changed since"):
        replay_case(case, deploy(OTHER))
    assert replay_case(case, deploy(OTHER), ignore_code=True).code_changed == ("charge",)
    with pytest.raises(Diverged, match="recorded 8, now 9"):
        replay_case(case, deploy(OTHER, 2), ignore_code=True)
