"""``status``: for people, as JSON, for Prometheus, as a health check."""

from pathlib import Path

import pytest

import flowledger as fl

from .conftest import CommandLine

executors = fl.ExecutorRegistry()
executors.register("ask")(lambda step: fl.Pause("?"))
ASKS = {"nodes": [{"id": "n", "type": "ask"}]}


def fill(cli: CommandLine) -> None:
    with fl.open_ledger(f"sqlite:///{cli.home / 'ledger.db'}", executors) as ledger:
        ledger.workflows.save(ASKS, workflow_id="orders")
        ledger.runs.start("orders", wait=False)
        ledger.runs.start("orders")


def test_it_is_shown_for_people_and_as_json(cli: CommandLine) -> None:
    fill(cli)
    shown = cli("status")
    assert shown.stdout.startswith("1 queued, 1 due, 0 running, 1 waiting, 0 held; 0 recovered so far\n")
    assert "1 due of orders@1: no worker is there" in shown.stdout
    data = cli.json("status")
    assert data["backlog"] == {"queued": 1, "due": 1, "running": 0, "waiting": 1, "held": 0}
    assert data.keys() >= {"workers", "oldestDueAt", "recoveries", "searchBehind"}


def test_prometheus_can_read_it(cli: CommandLine) -> None:
    fill(cli)
    shown = cli("status", "--metrics")
    assert 'flowledger_runs{workflow="orders",state="waiting"} 1\n' in shown.stdout
    cli.json("status", "--metrics", code=2)


def test_a_health_check_has_an_exit_status(cli: CommandLine, tmp_path: Path) -> None:
    fill(cli)
    assert cli("status", "--health").stdout.splitlines() == [
        "ok   store: it answers",
        "ok   index: it is of this release",
    ]
    missing = cli.json("status", "--health", "--worker", "one", code=1)
    assert missing["checks"][-1] == {"name": "worker", "ok": False, "message": "one is not there"}
    assert "give --health, too" in cli.refused("status", "--worker", "one")
    cli.refused("--store", f"sqlite:///{tmp_path}/none.db", "status", "--health")


def test_the_trace_of_a_run_is_shown(cli: CommandLine) -> None:
    fill(cli)
    run = cli.json("history")["runs"][0]["id"]
    link = cli.json("trace", f"{run}@2")
    assert (link["runId"], link["version"], link["startedIn"]) == (run, 2, None)
    assert cli("trace", run).stdout.splitlines()[0] == f"trace       {link['traceId']}"


TRACED_WORKER = """
import os, signal, sys, threading
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.cli.app import main

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=lambda span: f"span {span.name}\\n")))
trace.set_tracer_provider(provider)

def stop():
    with fl.open_ledger("sqlite:///ledger.db") as ledger:
        ledger.runs.wait_for(sys.argv[1], timeout=60)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=stop).start()
main(["worker", "--telemetry"])
"""


@pytest.mark.exhaustive
def test_a_worker_of_the_command_line_sends_spans_where_it_is_asked_to(cli: CommandLine) -> None:
    cli.workflow("w", "echo")
    with fl.open_ledger(f"sqlite:///{cli.home / 'ledger.db'}") as ledger:
        run = ledger.runs.start("w", wait=False)
    done = cli.python("-c", TRACED_WORKER, run.id)
    assert done.returncode == 0, done.stderr
    told = done.stdout + done.stderr
    assert [name for name in ("span step n1", "span run w", "span execute w") if name not in told] == []
