"""``steps``, ``failures`` and ``counts`` say what the same calls in Python answer."""

import csv
import io
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.presentation.documents import row_document

from .conftest import CommandLine

executors = fl.ExecutorRegistry()


@executors.register("try", retry=fl.RetryPolicy(max_retries=1, interval=0))
def fails(step: fl.StepContext) -> Any:
    if step.attempt == 1 or step.payload == "never":
        raise ValueError(f"order {step.payload} has\nno address \x1b[31m")
    return {"total": 7}


@executors.register("typed", input={"required": ["n"]})
def typed(step: fl.StepContext) -> Any:
    return step.data


@pytest.fixture
def cli(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.chdir(cli.home)
    with fl.open_ledger(cli.store, executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "ask", "type": "try"}]}, workflow_id="w", by="ada")
        for payload in (1, 2, "never"):
            ledger.runs.proceed(ledger.runs.start("w", payload, by="bob").id)
    return cli


@pytest.mark.parametrize(
    ("options", "filters"),
    [
        ([], {}),
        (["--workflow", "w", "--node", "ask", "--status", "failed"], {"workflow_id": "w", "status": "failed"}),
        (["--error-type", "ValueError", "--limit", "2"], {"error_type": "ValueError", "limit": 2}),
        (["--where", "output.total=7"], {"where": "output.total=7"}),
        (["--longer-than", "3600"], {"longer_than": 3600}),
    ],
)
def test_steps_are_those_of_python(cli: CommandLine, options: list[str], filters: dict[str, Any]) -> None:
    with fl.open_ledger(cli.store) as ledger:
        page = ledger.history.steps(**filters)
    answer = cli.json("steps", *options)
    assert answer == {"steps": [row_document(step) for step in page], "next": page.next, "behind": 0.0}


def test_failures_are_those_of_python_and_lead_to_their_runs(cli: CommandLine) -> None:
    with fl.open_ledger(cli.store) as ledger:
        (group,) = ledger.history.failures()
        both = ledger.history.failures(retried=True)
        counted = ledger.history.counts("status")
    assert cli.json("failures")["failures"] == [row_document(group)]
    assert cli.json("failures", "--retried")["failures"] == [row_document(one) for one in both]
    assert [run["id"] for run in cli.json("history", "--failure", group.id)["runs"]] == [group.example]
    assert cli.json("counts")["counts"] == [row_document(count) for count in counted]
    assert cli.json("counts", "actor", "--failure", group.id)["counts"] == [{"value": "bob", "count": 1}]


def test_work_orders_that_were_rejected_stand_below_failures(cli: CommandLine) -> None:
    assert "rejected" not in cli("failures").stdout
    with fl.open_ledger(cli.store, executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "ask", "type": "typed"}]}, workflow_id="refusing", by="ada")
        with pytest.raises(fl.WorkOrderRejected):
            ledger.runs.start("refusing", {}, by="bob")
        (order,) = ledger.history.work_orders(state="rejected")
    assert cli.json("failures")["rejected"] == {"workOrders": [row_document(order)], "next": None}
    shown = cli("failures").stdout
    assert shown.index("rejected at the start") < shown.index(order.id)


def test_they_are_printed_so_that_no_id_is_broken_and_nothing_steers_the_terminal(cli: CommandLine) -> None:
    with fl.open_ledger(cli.store) as ledger:
        (group,) = ledger.history.failures()
    shown = cli("failures").stdout
    assert f"group {group.id}" in shown
    assert "w, ask: ValueError: order never has no address" in shown
    steps = cli("steps", "--status", "failed").stdout
    assert f"{group.example}@{group.example_version}" in steps
    assert "\x1b" not in shown + steps
    assert [line.split() for line in cli("counts", "status").stdout.splitlines()][1:] == [
        ["2", "completed"],
        ["1", "failed"],
    ]
    assert len(list(csv.DictReader(io.StringIO(cli("steps", "--csv").stdout)))) == 6
    assert cli("steps", "--node", "nowhere").stdout == "no steps\n"


def test_what_makes_no_sense_is_refused(cli: CommandLine) -> None:
    for arguments in (["steps", "--status", "error"], ["counts", "colour"], ["failures", "--workflow", "nobody"]):
        assert cli(*arguments).returncode == 2
