"""Many processes give one command at one moment: with one key it is done once and all of them get the run; with one
expected version at most one goes through."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flowledger as fl

from ..effort import spread
from ..prepared import PreparedPython
from .command_racer import executors

KINDS = {
    "resume": "ask",
    "proceed": "try",
    "hold": "ask",
    "release": "ask",
    "cancel": "ask",
    "set_metadata": "ask",
    "retry": "fail",
    "reproduce": "fail",
    "fork": "ask",
}
Race = Callable[..., list[list[str]]]

RACERS = spread([2, 12], by_default=[2])
BRANCHES = ("reproduce", "fork")


@pytest.fixture
def race(prepared_python: PreparedPython, durable_url: str) -> Race:
    """Has so many processes give a command at once, and returns what each of them said."""

    def race(command: str, run_id: str, racers: int, **given: Any) -> list[list[str]]:
        called = ["-m", f"{__package__}.command_racer", durable_url, command, run_id, json.dumps(given)]
        started = [prepared_python.start(called) for _ in range(racers)]
        try:
            for racer in started:
                assert racer.stdout.readline() == "ready\n"
            for racer in started:
                print("go", file=racer.stdin, flush=True)
            return [racer.stdout.readline().split() for racer in started]
        finally:
            for racer in started:
                racer.end()

    return race


@pytest.fixture
def ledger(durable_url: str) -> Iterator[fl.Ledger]:
    with fl.open_ledger(durable_url, executors()) as ledger:
        for kind in ("ask", "fail", "try"):
            ledger.workflows.save({"nodes": [{"id": "n", "type": kind}]}, workflow_id=kind, by="ada")
        yield ledger


def begin(ledger: fl.Ledger, command: str) -> fl.Run:
    run = ledger.runs.start(KINDS[command], by="shop")
    return ledger.runs.hold(run.id) if command == "release" else run


def by_racers(ledger: fl.Ledger, run: fl.Run) -> list[fl.RecordedEvent]:
    """What the commands themselves left, apart from the steps that they executed."""
    streams = (run.id, run.work_order_id)
    events = [event for stream in streams for event in ledger.history.events(stream) if event.by == "racer"]
    return [event for event in events if "node_id" not in event.data]


@pytest.mark.sampled(20)
@pytest.mark.parametrize("racers", RACERS)
@pytest.mark.parametrize("command", KINDS)
def test_with_one_key_it_is_done_once_and_all_get_the_run(
    ledger: fl.Ledger, race: Race, command: str, racers: int
) -> None:
    run = begin(ledger, command)
    said = race(command, run.id, racers, idempotency_key="k")
    assert [words[0] for words in said] == ["done"] * racers, said
    assert len({words[1] for words in said}) == 1
    assert [event.data["key"] for event in by_racers(ledger, run)] == ["k"]


@pytest.mark.sampled(20)
@pytest.mark.parametrize("racers", RACERS)
@pytest.mark.parametrize("command", [command for command in KINDS if command not in BRANCHES])
def test_with_one_expected_version_one_goes_through_and_the_others_are_told(
    ledger: fl.Ledger, race: Race, command: str, racers: int
) -> None:
    run = begin(ledger, command)
    said = race(command, run.id, racers, expected_version=run.version)
    heard = Counter(words[1] if words[0] == "refused" else "done" for words in said)
    assert heard == {"done": 1, ("AlreadyRetried" if command == "retry" else "RunMovedOn"): racers - 1}
    assert len(by_racers(ledger, run)) == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("command", BRANCHES)
def test_branches_of_one_version_do_not_move_their_source_and_all_go_through(
    ledger: fl.Ledger, race: Race, command: str
) -> None:
    run = begin(ledger, command)
    said = race(command, run.id, 12, expected_version=run.version)
    assert len({words[1] for words in said if words[0] == "done"}) == 12
    assert len(by_racers(ledger, run)) == 12
    assert ledger.runs.get(run.id).version == run.version
