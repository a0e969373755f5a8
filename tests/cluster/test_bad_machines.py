"""Machines whose clocks differ, runs that kill their workers, servers that aren't there."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from ..operations.until import until
from ..storage.clusters import running_cluster
from . import journal
from .chaos import kill_server
from .cluster import ROOT, Process
from .workload import GATE

pytestmark = pytest.mark.exhaustive

AN_HOUR = 3600


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with running_cluster() as server:
        yield server


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    folder = tmp_path / "noted"
    folder.mkdir()
    return folder


def one(type: str) -> dict[str, Any]:
    return {"nodes": [{"id": "a", "type": type}], "edges": []}


def test_clocks_that_differ_by_an_hour_neither_steal_runs_nor_delay_them(server: Any, noted: Path) -> None:
    url = server.get_uri()
    with fl.open_ledger(url) as ledger:
        ledger.workflows.save(one("long"), workflow_id="long")
        ledger.workflows.save(one("work"), workflow_id="work")
        long = [ledger.runs.start("long", wait=False).id for _ in range(4)]
        hosts = [Process("skewed", str(skew), url, str(noted), f"host{skew:+}", "1.0") for skew in (-AN_HOUR, AN_HOUR)]
        try:
            for host in hosts:
                host.wait_until_ready()
            until(lambda: len(list(journal.read(noted, "begins"))) == len(long))
            at = datetime.now(UTC) + timedelta(seconds=2)
            planned = ledger.runs.start("work", wait=False, run_at=at)
            until(lambda: ledger.runs.get(planned.id).status == "completed")
            claimed = next(event for event in ledger.history.events(planned.id) if event.type == "run.claimed")
            # Twice the lease is over by now for those who look at their own clock.
            assert timedelta(0) <= claimed.recorded_at - at < timedelta(minutes=10)
            assert len(list(journal.read(noted, "begins"))) == len(long)
            (noted.parent / GATE).touch()
            until(lambda: all(ledger.runs.get(run).status == "completed" for run in long))
            assert not list(journal.read(noted, "told"))
            for host in hosts:
                host.stop()
        finally:
            for host in hosts:
                host.discard()


def test_a_run_that_kills_its_workers_is_parked_and_the_others_end(server: Any, noted: Path) -> None:
    with fl.open_ledger(server.get_uri()) as ledger:
        ledger.workflows.save(one("poison"), workflow_id="poison")
        ledger.workflows.save(one("work"), workflow_id="work")
        poison = ledger.runs.start("poison", wait=False, priority=1).id
        others = [ledger.runs.start("work", wait=False).id for _ in range(10)]
        hosts: list[Process] = []
        try:

            def has_failed() -> bool:
                if all(host.has_ended() for host in hosts):
                    hosts.append(Process("host", server.get_uri(), str(noted), f"host-{len(hosts)}", "1.0"))
                return ledger.runs.get(poison).status == "failed"

            until(has_failed, seconds=120)
            until(lambda: all(ledger.runs.get(run).status == "completed" for run in others))
        finally:
            for host in hosts:
                host.discard()
        effects = [line for line in journal.read(noted, "effect") if line["run"] == poison]
        assert len(effects) == 3
        assert len({line["key"] for line in effects}) == 1
        reason = ledger.runs.get(poison).snapshot.metadata["failedReason"]
        assert "recovered 2 times" in reason


def test_a_server_that_is_not_there_is_waited_for_and_that_is_said_once(tmp_path: Path) -> None:
    with running_cluster() as server:
        url = server.get_uri()
        with fl.open_ledger(url) as ledger:
            ledger.workflows.save(one("work"), workflow_id="work")
        kill_server(server)
        log = tmp_path / "log"
        command = [
            sys.executable,
            "-m",
            "flowledger",
            "--store",
            url,
            "--app",
            "tests.cluster.plain:executors",
            "worker",
        ]
        with log.open("wb") as output, closing_process(subprocess.Popen(command, cwd=ROOT, stderr=output)):
            until(lambda: log.read_text().count("can't") == 1)
            for _ in range(2):  # at its start, and while it works
                server.ensure_postgres_running()
                with fl.open_ledger(url) as ledger:
                    run = ledger.runs.start("work", wait=False)
                    until(lambda: ledger.runs.get(run.id).status == "completed")  # noqa: B023 - called at once
                before = log.read_text().count("can't work now")
                kill_server(server)
                until(lambda: log.read_text().count("can't work now") > before)  # noqa: B023
        with suppress(Exception):
            server.ensure_postgres_running()
        told = [line for line in log.read_text().splitlines() if "can't work now" in line]
        assert len(told) == 2, told


class closing_process(closing[Any]):  # noqa: N801 - used as a function
    """Kills it in the end."""

    def __exit__(self, *_: object) -> None:
        self.thing.kill()
        self.thing.wait()
