"""``flowledger worker`` for several stores at once, and as one of a cluster."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import flowledger as fl

from ...operations.until import PATIENCE, until
from .conftest import CommandLine


@contextmanager
def working(cli: CommandLine, *arguments: str) -> Iterator[dict[str, object]]:
    """A worker that is told to stop in the end, and then ends well. Gives what it says of itself."""
    command = [sys.executable, "-m", "flowledger", "worker", "--json", *arguments]
    process = subprocess.Popen(command, cwd=cli.home, env=cli.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.exhaustive
def test_several_stores_are_served_and_one_that_is_away_holds_up_no_other(cli: CommandLine, postgres_url: str) -> None:
    mark = "&" if "?" in postgres_url else "?"
    tenants = [f"{postgres_url}{mark}schema=tenant_{os.getpid()}_{number}" for number in range(3)]
    away = "postgresql://ada@127.0.0.1:1/nowhere"
    runs = {}
    for tenant in tenants:
        with fl.open_ledger(tenant) as ledger:
            ledger.workflows.save({"nodes": [{"id": "n", "type": "echo"}]}, workflow_id="w")
            runs[tenant] = ledger.runs.start("w", wait=False, payload=tenant[-1]).id
    options = [part for tenant in (*tenants, away) for part in ("--store", tenant)]
    with working(cli, *options, "--name", "one") as said:
        assert len(said["stores"]) == 4  # type: ignore[arg-type]
        for tenant, run_id in runs.items():
            with fl.open_ledger(tenant) as ledger:
                ledger.runs.wait_for(run_id, until=("completed",), timeout=PATIENCE)
                assert [run.id for run in ledger.history.runs()] == [run_id]
                assert {event.by for event in ledger.history.events(run_id)} >= {"one"}


@pytest.mark.exhaustive
def test_a_worker_of_a_cluster_executes_what_is_handed_to_it(
    cli: CommandLine, new_postgres_url: Callable[[], str]
) -> None:
    url = new_postgres_url()
    with fl.open_ledger(url) as ledger:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "echo"}]}, workflow_id="w")
        with working(cli, "--cluster", "--store", url) as said:
            run = ledger.runs.start("w", wait=False)
            ledger.runs.wait_for(run.id, until=("completed",), timeout=PATIENCE)
            assert said["worker"] in {event.by for event in ledger.history.events(run.id)}


@pytest.mark.exhaustive
def test_a_worker_signs_checkpoints_by_itself(cli: CommandLine) -> None:
    cli.workflow("w", "echo")
    public = cli("evidence", "keygen", "key").stdout.strip()
    kept = cli.home / "kept"
    with working(cli, "--sign-key", "key", "--sign-to", str(kept), "--sign-every", "0.1"):
        until(lambda: kept.exists() and kept.read_text().count("\n\n") > 4)
        cli("run", "start", "w", "--queue")
    last = cli.json("evidence", "check", str(kept), "--key", public)
    assert (last["ok"], last["size"]) == (True, last["events"]), "signed once more at its end"


def test_a_worker_that_signs_says_what_is_missing(cli: CommandLine) -> None:
    assert "go together" in cli.refused("worker", "--sign-key", "key")
    key = ("--sign-key", "none", "--sign-to", "kept")
    assert "none" in cli.refused("worker", *key)
    assert "--sign-every" in cli.refused("worker", *key, "--sign-every", "0")


def test_stores_that_make_no_sense_are_refused(cli: CommandLine) -> None:
    twice = ("--store", "sqlite:///a.db", "--store", "sqlite:///a.db")
    assert "named twice" in cli.refused("worker", *twice)
    cli.workflow("w", "echo")
    assert "needs a ledger on PostgreSQL" in cli.refused("worker", "--cluster")
