"""Many processes give one command at one moment: with one key it is done once and all of them get the run; with one
expected version at most one goes through."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl

from ..effort import spread
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
RACERS = spread([2, 12], by_default=[2])
BRANCHES = ("reproduce", "fork")


@contextmanager
def racing(url: str, command: str, run_id: str, racers: int, given: dict[str, Any]) -> Iterator[list[list[str]]]:
    """What each of the racers said."""
    script = str(Path(__file__).with_name("command_racer.py"))
    started = [
        subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.command_racer", url, command, run_id, json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(script).parents[2],
        )
        for _ in range(racers)
    ]
    try:
        for racer in started:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in started:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        yield [racer.stdout.readline().split() for racer in started if racer.stdout is not None]
    finally:
        for racer in started:
            racer.kill()
            racer.communicate()


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
    ledger: fl.Ledger, durable_url: str, command: str, racers: int
) -> None:
    run = begin(ledger, command)
    with racing(durable_url, command, run.id, racers, {"idempotency_key": "k"}) as said:
        assert [words[0] for words in said] == ["done"] * racers, said
        assert len({words[1] for words in said}) == 1
    assert [event.data["key"] for event in by_racers(ledger, run)] == ["k"]


@pytest.mark.sampled(20)
@pytest.mark.parametrize("racers", RACERS)
@pytest.mark.parametrize("command", [command for command in KINDS if command not in BRANCHES])
def test_with_one_expected_version_one_goes_through_and_the_others_are_told(
    ledger: fl.Ledger, durable_url: str, command: str, racers: int
) -> None:
    run = begin(ledger, command)
    with racing(durable_url, command, run.id, racers, {"expected_version": run.version}) as said:
        heard = Counter(words[1] if words[0] == "refused" else "done" for words in said)
    assert heard == {"done": 1, ("AlreadyRetried" if command == "retry" else "RunMovedOn"): racers - 1}
    assert len(by_racers(ledger, run)) == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("command", BRANCHES)
def test_branches_of_one_version_do_not_move_their_source_and_all_go_through(
    ledger: fl.Ledger, durable_url: str, command: str
) -> None:
    run = begin(ledger, command)
    with racing(durable_url, command, run.id, 12, {"expected_version": run.version}) as said:
        assert len({words[1] for words in said if words[0] == "done"}) == 12
    assert len(by_racers(ledger, run)) == 12
    assert ledger.runs.get(run.id).version == run.version
