"""Three hosts with networks of their own, one of which is cut off from the server for longer than its lease."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import flowledger as fl

from . import journal
from .cluster import Process, wait_for
from .network import Network, open_network, running_server_in
from .workload import GATE

pytestmark = pytest.mark.exhaustive

LONG = {
    "nodes": [{"id": "long", "type": "long"}, {"id": "work", "type": "work"}],
    "edges": [{"source": "long", "target": "work"}],
}
DEAF = {**LONG, "nodes": [{"id": "long", "type": "deaf"}, {"id": "work", "type": "work"}]}
LEASE = "2.0"


@pytest.fixture
def network() -> Iterator[Network]:
    with open_network() as network:
        yield network


def test_a_host_that_is_cut_off_loses_its_runs_is_told_and_its_late_appends_are_refused(
    network: Network, tmp_path: Path
) -> None:
    noted = tmp_path / "noted"
    noted.mkdir()
    with ExitStack() as stack:
        server, url = stack.enter_context(running_server_in(network))
        ledger = stack.enter_context(fl.open_ledger(server.get_uri()))
        ledger.workflows.save(LONG, workflow_id="long")
        places = {f"host-{number}": network.add_host() for number in range(3)}
        hosts: dict[str, Process] = {}
        for name, place in places.items():
            hosts[name] = Process("host", url, str(noted), name, LEASE, namespace=place)
            stack.callback(hosts[name].discard)
            hosts[name].wait_until_ready()
        ledger.workflows.save(DEAF, workflow_id="deaf")
        deaf = [ledger.runs.start("deaf", wait=False).id for _ in range(6)]
        runs = [ledger.runs.start("long", wait=False).id for _ in range(6)] + deaf
        wait_for(noted, lambda: len(executions(noted)) == len(runs))
        lonely = executions(noted)[runs[0]][0][0]
        taken = [run for run, begun in executions(noted).items() if begun[0][0] == lonely]

        network.cut_off(places[lonely])
        wait_for(noted, lambda: all(len(executions(noted)[run]) > 1 for run in taken))
        told = {line["run"]: line for line in journal.read(noted, "told")}
        for run, begun in executions(noted).items():
            if run not in taken:
                assert len(begun) == 1  # nobody else's runs were taken
                continue
            (_, _), (heir, since) = begun
            assert heir != lonely
            if run in deaf:
                continue
            assert (told[run]["host"], told[run]["reason"]) == (lonely, "taken over")
            assert told[run]["at"] < since, "two hosts held a run at the same time"

        (tmp_path / GATE).touch()
        wait_for(noted, lambda: all(ledger.runs.get(run).status == "completed" for run in runs))
        # Those that didn't listen have something to append, over a link that is down.
        late = [run for run in taken if run in deaf]
        wait_for(noted, lambda: {(lonely, run) for run in late} <= ended(noted))
        before = {run: [event.version for event in ledger.history.events(run)] for run in runs}
        network.heal(places[lonely])
        for name, host in hosts.items():
            if name != lonely:
                host.stop()
        # The one that was cut off is well again: it is the only one that is left to do this.
        last = ledger.runs.start("long", wait=False).id
        wait_for(noted, lambda: ledger.runs.get(last).status == "completed")
        assert executions(noted)[last][0][0] == lonely
        hosts[lonely].stop()
        assert {run: [event.version for event in ledger.history.events(run)] for run in runs} == before
        acknowledged = {(line["host"], line["stream"], line["type"]) for line in journal.read(noted, "acknowledged")}
        assert not [run for run in taken if (lonely, run, "run.step_completed") in acknowledged]
        assert ledger.verify().ok


def executions(noted: Path) -> dict[str, list[tuple[str, float]]]:
    """Of each run: who executed its first step since when."""
    found: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    for line in journal.read(noted, "begins"):
        found[line["run"]].append((line["host"], line["at"]))
    return {run: sorted(begun, key=lambda each: each[1]) for run, begun in found.items()}


def ended(noted: Path) -> set[tuple[str, str]]:
    """Hosts, and the runs whose steps returned there without having listened."""
    return {(line["host"], line["run"]) for line in journal.read(noted, "ends")}
