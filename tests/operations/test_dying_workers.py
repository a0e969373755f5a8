"""Workers are processes, and die: what they executed is executed by others, and nothing is held twice."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import flowledger as fl

from ..prepared import PreparedProcess, PreparedPython
from .process import executors
from .until import until

SLOW = {
    "nodes": [{"id": "a", "type": "note"}, {"id": "b", "type": "note", "data": {"sleep": 600}}],
    "edges": [{"source": "a", "target": "b"}],
}
QUICK = {"nodes": SLOW["nodes"][:1]}
LEASE = 1.0

Begin = Callable[..., PreparedProcess]


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    file = tmp_path / "effects.txt"
    file.touch()
    return file


@pytest.fixture
def ledger(durable_url: str, effects: Path) -> Iterator[fl.Ledger]:
    with fl.open_ledger(durable_url, executors(effects), lease=LEASE) as ledger:
        ledger.workflows.save(SLOW, workflow_id="w")
        yield ledger


@pytest.fixture
def begin(durable_url: str, effects: Path, prepared_python: PreparedPython) -> Iterator[Begin]:
    """Begin a worker, or with ``inline`` a process that executes a run in a call of its own."""
    begun: list[PreparedProcess] = []

    def begin(name: str, *more: str) -> PreparedProcess:
        called = ["-m", "tests.operations.process", durable_url, str(effects), name, str(LEASE), *more]
        process = prepared_python.start(called)
        begun.append(process)
        assert process.stdout.readline() == "works\n"
        return process

    yield begin
    for process in begun:
        process.end()


def calls(effects: Path) -> list[str]:
    return effects.read_text().splitlines()


def types(ledger: fl.Ledger, run_id: str) -> list[str]:
    return [event.type for event in ledger.history.events(run_id)]


@pytest.mark.parametrize("how", ["worker", "inline"])
def test_the_run_of_a_killed_process_is_recovered(ledger: fl.Ledger, begin: Begin, effects: Path, how: str) -> None:
    if how == "worker":
        ledger.runs.start("w", wait=False)
    dead = begin("dead", *(["inline"] if how == "inline" else []))
    until(lambda: len(calls(effects)) == 2)
    (run,) = ledger.history.runs().items
    assert run.owner is not None
    dead.end()
    begin("heir")
    until(lambda: len(calls(effects)) == 3)
    first, cut_off, again = (line.split() for line in calls(effects))
    assert cut_off[0] == again[0] != first[0], "the step that was cut off has the same effect key"
    assert [line[2] for line in (first, cut_off, again)] == ["0", "0", "1"]
    assert types(ledger, run.id)[-1] == "run.recovered"
    ledger.runs.cancel(run.id, by="ops")
    until(lambda: "told cancelled" in calls(effects)[-1])


@pytest.mark.exhaustive
def test_a_worker_that_is_told_to_stop_ends_its_step_and_hands_the_run_back(
    ledger: fl.Ledger, begin: Begin, effects: Path
) -> None:
    nodes = [{"id": "a", "type": "note", "data": {"sleep": 1}}, {"id": "b", "type": "note"}]
    ledger.workflows.save({"nodes": nodes, "edges": SLOW["edges"]}, workflow_id="two")
    run = ledger.runs.start("two", wait=False)
    stopping = begin("stopping")
    until(lambda: len(calls(effects)) == 1)
    stopping.send_signal(signal.SIGTERM)
    assert stopping.wait(60) == 0
    assert types(ledger, run.id) == ["run.started", "run.claimed", "run.step_completed"]
    begin("heir")
    until(lambda: ledger.runs.get(run.id).status == "completed")
    taken = next(event for event in ledger.history.events(run.id) if event.type == "run.recovered")
    assert taken.data["handed_back"] is True
    assert [line.split()[2] for line in calls(effects)] == ["0", "0"], "nobody died"


@pytest.mark.exhaustive
def test_a_worker_that_was_stopped_for_longer_than_its_lease_loses_its_runs_and_hears_of_it(
    durable_url: str, ledger: fl.Ledger, begin: Begin, effects: Path
) -> None:
    if durable_url.startswith("sqlite"):
        pytest.skip("one that is stopped in the middle of a write holds the lock of the file")
    ledger.runs.start("w", wait=False)
    stalled = begin("stalled")
    until(lambda: len(calls(effects)) == 2)
    stalled.send_signal(signal.SIGSTOP)
    begin("heir")
    until(lambda: len(calls(effects)) == 3)
    stalled.send_signal(signal.SIGCONT)
    until(lambda: f"told taken over {stalled.pid}" in calls(effects))
    (run,) = ledger.history.runs().items
    assert types(ledger, run.id).count("run.recovered") == 1
    assert "run.step_failed" not in types(ledger, run.id)
    ledger.runs.cancel(run.id, by="ops")
    until(lambda: ledger.runs.get(run.id).status == "cancelled")


@pytest.mark.exhaustive
def test_many_runs_are_each_executed_once_by_several_workers(ledger: fl.Ledger, begin: Begin, effects: Path) -> None:
    ledger.workflows.save(QUICK, workflow_id="quick")
    runs = [ledger.runs.start("quick", wait=False).id for _ in range(60)]
    for number in range(3):
        begin(f"w{number}")
    until(lambda: len(ledger.history.runs(workflow_id="quick", status="completed", limit=100).items) == 60)
    assert len(calls(effects)) == 60
    for run_id in runs:
        assert types(ledger, run_id) == ["run.started", "run.claimed", "run.step_completed"]
