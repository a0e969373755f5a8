"""``replay``: one run, or all that the filters find, executed again in several processes."""

import json
import os
import signal
import subprocess
import sys

import pytest

from .conftest import CommandLine

APPLICATION = """
import os, pathlib, sys, time
import flowledger as fl

executors = fl.ExecutorRegistry()

@executors.register("double")
def double(step):
    print("an executor that prints")
    if os.environ.get("DIES_AT") == str(step.payload):
        os._exit(7)
    if "SLEEPS" in os.environ:
        print("asleep", os.getpid(), file=sys.stderr, flush=True)
        time.sleep(60)
    return step.payload * int(os.environ.get("FACTOR", "2"))

@executors.register("send", effects=True)
async def send(step):
    pathlib.Path("sent").touch()

@executors.register("secret")
def secret(step):
    return len(step.globals["token"])
"""

RUNS = """
import sys, flowledger as fl
from app import executors
with fl.open_ledger(sys.argv[1], executors) as ledger:
    nodes = [{"id": "d", "type": "double"}, {"id": "s", "type": "send"}]
    ledger.workflows.save({"nodes": nodes, "edges": [{"source": "d", "target": "s"}]}, workflow_id="w")
    for payload in range(int(sys.argv[2])):
        print(ledger.runs.start("w", payload=payload).id)
"""


@pytest.fixture
def home(cli: CommandLine) -> CommandLine:
    (cli.home / "app.py").write_text(APPLICATION)
    cli.environment["FLOWLEDGER_APP"] = "app:executors"
    return cli


def runs(cli: CommandLine, count: int) -> list[str]:
    done = cli.python("-c", RUNS, cli.store, str(count))
    assert done.returncode == 0, done.stderr
    (cli.home / "sent").unlink()
    return [line for line in done.stdout.splitlines() if "print" not in line]


def test_one_run_is_verified(home: CommandLine) -> None:
    (run_id,) = runs(home, 1)[:1]
    report = home.json("replay", run_id, "--verify")
    assert (report["ok"], report["steps"], report["executed"], report["taken"]) == (True, 2, 1, 1)
    assert report["executors"] == [
        {"type": "double", "deterministic": True, "effects": False, "executed": 1, "taken": 0, "codeChanged": False},
        {"type": "send", "deterministic": True, "effects": True, "executed": 0, "taken": 1, "codeChanged": False},
    ]
    assert not (home.home / "sent").exists()
    assert home.json("replay", run_id, "--verify", "--effects", "send")["executed"] == 2
    assert (home.home / "sent").exists()
    told = home("replay", run_id, "--verify")
    assert (told.returncode, "nothing diverged" in told.stdout) == (0, True)


def test_a_divergence_is_told_with_exit_code_1(home: CommandLine) -> None:
    run_id = runs(home, 2)[1]
    home.environment["FACTOR"] = "3"
    found = home.json("replay", run_id, "--verify", code=1)["divergence"]
    assert found == {
        "nodeId": "d",
        "attempt": 1,
        "version": 2,
        "kind": "output",
        "path": "",
        "expected": 2,
        "got": 3,
        "codeChanged": False,
    }
    told = home("replay", run_id, "--verify")
    assert told.returncode == 1
    assert "output: version 2, node 'd', attempt 1: output differs: recorded 2, now 3" in told.stdout


@pytest.mark.exhaustive
def test_all_runs_are_verified_on_every_backend(home: CommandLine, durable_url: str) -> None:
    home.environment["FLOWLEDGER_STORE"] = durable_url
    ids = runs(home, 7)
    summary = home.json("replay", "--all", "--workers", "2")
    assert summary == {"ok": True, "runs": 7, "steps": 14, "executed": 7, "taken": 7, "findings": [], "codeChanged": {}}
    home.environment["FACTOR"] = "3"
    diverged = home.json("replay", "--all", "--workflow", "w", code=1)
    (finding,) = diverged["findings"]
    assert (diverged["runs"], finding["kind"], finding["count"]) == (7, "output", 6)  # 0 doubled is 0 tripled
    assert sorted(finding["runIds"]) == sorted(ids[1:])
    assert finding["example"]["runId"] == finding["runIds"][0]
    told = home("replay", "--all")
    assert told.returncode == 1
    assert "7 runs, 8 steps (7 executed, 1 taken from the record): 6 diverged" in told.stdout
    assert not (home.home / "sent").exists()


@pytest.mark.exhaustive
def test_filters_choose_what_is_replayed(home: CommandLine) -> None:
    runs(home, 3)
    for filters, count in (
        (("--since", "2100-01-01"), 0),
        (("--until", "2100-01-01", "--status", "completed", "--workflow", "w@1"), 3),
        (("--status", "failed"), 0),
        (("--by", "nobody"), 0),
        (("--where", "payload == 1"), 1),
    ):
        assert home.json("replay", "--all", "--workers", "1", *filters)["runs"] == count, filters


@pytest.mark.exhaustive
def test_a_worker_that_dies_names_its_run_and_the_others_go_on(home: CommandLine) -> None:
    ids = runs(home, 6)
    home.environment["DIES_AT"] = "2"
    summary = home.json("replay", "--all", "--workers", "2", code=1)
    (finding,) = summary["findings"]
    assert (summary["runs"], summary["executed"]) == (6, 5)
    assert (finding["kind"], finding["runIds"]) == ("worker died", [ids[2]])
    assert "exit code 7" in finding["example"]["message"]


def test_a_run_that_can_not_be_read_says_nothing_of_the_others(home: CommandLine) -> None:
    ids = runs(home, 2)
    forge = """
import sys, flowledger as fl
from flowledger.domain.ports import ExpectedVersion, NewEvent, Write
with fl.open_ledger(sys.argv[1]) as ledger:
    started = next(ledger.history.events(sys.argv[2]))
    event = NewEvent(started.type, {**started.data, "workflow_id": "ghost"})
    ledger._store.append(Write("orphan", ExpectedVersion.NO_STREAM, [event]))
"""
    assert home.python("-c", forge, home.store, ids[0]).returncode == 0
    summary = home.json("replay", "--all", code=1)
    (finding,) = summary["findings"]
    assert (summary["runs"], finding["kind"], finding["runIds"]) == (3, "unreadable", ["orphan"])
    assert "no workflow 'ghost'" in finding["example"]["message"]


@pytest.mark.exhaustive
def test_globals_reach_the_workers(home: CommandLine) -> None:
    home.json("workflow", "save", "-", "--id", "s", stdin=json.dumps({"nodes": [{"id": "n", "type": "secret"}]}))
    home.json("run", "start", "s", "--global", "token=tr0ub4dor")
    (finding,) = home.json("replay", "--all", code=1)["findings"]
    assert finding["kind"] == "masked input"
    assert home.json("replay", "--all", "--global", "token=tr0ub4dor")["ok"]


def test_an_interrupt_stops_all_workers(home: CommandLine) -> None:
    runs(home, 6)
    process = subprocess.Popen(
        [sys.executable, "-m", "flowledger", "replay", "--all", "--workers", "2"],
        cwd=home.home,
        env=home.environment | {"SLEEPS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    asleep: list[int] = []
    while len(asleep) < 2:
        line = process.stderr.readline()
        assert line
        if line.startswith("asleep "):
            asleep.append(int(line.split()[1]))
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted after 0 of 6 runs" in told
    assert "Traceback" not in told
    for worker in asleep:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


def test_commands_that_make_no_sense_are_refused(home: CommandLine) -> None:
    (run_id, *_) = runs(home, 1)
    assert "--step, --from and --to walk" in home.refused("replay", run_id, "--verify", "--from", "2")
    assert "go with --verify" in home.refused("replay", run_id, "--effects", "send")
    assert "name one RUN, or --all" in home.refused("replay", "--verify")
    assert "filters are for --all" in home.refused("replay", run_id, "--verify", "--workflow", "w")
    assert "no run 'nobody'" in home.refused("replay", "nobody", "--verify")
    for which in ([run_id, "--verify"], ["--all"]):
        assert "no executor is registered for type 'ghost'" in home.refused("replay", *which, "--effects", "ghost")
    assert "memory: is in this one alone" in home.refused("--store", "memory:", "replay", "--all")
    assert "no workflow 'ghost'" in home.refused("replay", "--all", "--workflow", "ghost")
    (home.home / "app.py").write_text("raise RuntimeError('no licence')")
    assert "RuntimeError: no licence" in home.refused("replay", "--all")
    del home.environment["FLOWLEDGER_APP"]
    assert "--app module:registry" in home.refused("replay", run_id, "--verify")


def test_an_application_that_only_workers_can_not_import_is_told(home: CommandLine) -> None:
    runs(home, 1)
    guard = "import multiprocessing\nif multiprocessing.parent_process() is not None:\n    {}\n"
    (home.home / "app.py").write_text(guard.format("raise RuntimeError('no licence')") + APPLICATION)
    assert "RuntimeError: no licence" in home.refused("replay", "--all")
    (home.home / "app.py").write_text(guard.format("import os; os._exit(3)") + APPLICATION)
    assert "ended with exit code 3 before it had opened the ledger" in home.refused("replay", "--all")


def test_changed_code_is_told_beside_outcomes_that_agree_and_can_be_ignored(home: CommandLine) -> None:
    (run_id, _) = runs(home, 2)
    app = home.home / "app.py"
    app.write_text(APPLICATION.replace("    pathlib.Path", "    # a comment\n    pathlib.Path"))
    assert home.json("replay", "--all", "--workers", "1")["codeChanged"] == {}
    app.write_text(APPLICATION.replace('Path("sent")', 'Path("gone")'))
    assert home.json("replay", run_id, "--verify", code=1)["divergence"]["kind"] == "code"
    told = home("replay", run_id, "--verify")
    assert "what was executed (1) came out as recorded; code has changed since: 'send'" in " ".join(told.stdout.split())
    told = home("replay", run_id, "--verify", "--ignore-code")
    assert (told.returncode, "nothing diverged" in told.stdout) == (0, True)
    assert "which is left out of account: 'send'" in " ".join(told.stdout.split())
    summary = home.json("replay", "--all", "--workers", "1", code=1)
    assert (summary["findings"][0]["kind"], summary["codeChanged"]) == ("code", {"send": 2})
    summary = home.json("replay", "--all", "--workers", "1", "--ignore-code")
    assert (summary["findings"], summary["codeChanged"]) == ([], {"send": 2})
    told = home("replay", "--all", "--workers", "1", "--ignore-code")
    said = " ".join(told.stdout.split())
    assert "in runs where what was executed came out as recorded: 'send' (2 runs)" in said
    home.environment["FACTOR"] = "3"
    (finding,) = home.json("replay", "--all", "--workers", "1", "--ignore-code", code=1)["findings"]
    assert (finding["kind"], finding["count"]) == ("output", 1)
    assert "a walk executes nothing" in home.refused("replay", run_id, "--ignore-code")


POOL = """
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context

threads = partial(ThreadPoolExecutor, 2)
processes = partial(ProcessPoolExecutor, 2, get_context("spawn"))
number = 3
"""


def test_all_runs_are_replayed_by_an_executor(home: CommandLine) -> None:
    (home.home / "pools.py").write_text(POOL)
    ids = runs(home, 5)
    same = home.json("replay", "--all", "--on", "pools:threads")
    assert same == {"ok": True, "runs": 5, "steps": 10, "executed": 5, "taken": 5, "findings": [], "codeChanged": {}}
    nodes = [{"id": "d", "type": "double", "data": {"by": 2}}, {"id": "s", "type": "send"}]
    other = json.dumps({"nodes": nodes, "edges": [{"source": "d", "target": "s"}]})
    home.json("workflow", "save", "-", "--id", "w", "--expect", "1", stdin=other)
    tried = home.json("replay", "--all", "--on", "pools:threads", "--chunk", "2", "--against", "2", code=1)
    (finding,) = tried["findings"]
    assert (finding["kind"], finding["runIds"]) == ("input", ids)
    assert home.json("replay", ids[0], "--verify", "--against", "live", code=1)["against"] == 2
    assert "an executor (--on) has its own" in home.refused(
        "replay", "--all", "--on", "pools:threads", "--workers", "2"
    )
    assert "--chunk goes with --on" in home.refused("replay", "--all", "--chunk", "2")
    assert "the module has int there" in home.refused("replay", "--all", "--on", "pools:number")
    assert "the module has no such name" in home.refused("replay", "--all", "--on", "pools:ghost")
    assert "--on pools is not of the form" in home.refused("replay", "--all", "--on", "pools").replace("'", "")
    assert "filters are for --all" in home.refused("replay", ids[0], "--verify", "--on", "pools:threads")


@pytest.mark.exhaustive
def test_what_worker_processes_print_stays_off_the_answer(home: CommandLine) -> None:
    (home.home / "pools.py").write_text(POOL)
    runs(home, 3)
    assert home.json("replay", "--all", "--on", "pools:processes")["ok"]
    home.environment["DIES_AT"] = "2"
    (finding,) = home.json("replay", "--all", "--on", "pools:processes", code=1)["findings"]
    assert (finding["kind"], finding["count"]) == ("worker died", 1)


def test_all_runs_are_exported_into_a_folder(home: CommandLine) -> None:
    (home.home / "pools.py").write_text(POOL)
    ids = runs(home, 3)
    exported = home.json("export", "--all", "runs", "--on", "pools:threads", "--workflow", "w")
    assert exported == {"folder": "runs", "runs": 3, "events": 15, "failures": []}
    assert sorted(path.name for path in (home.home / "runs").iterdir()) == sorted(f"{id}.jsonl.zst" for id in ids)
    imported = home.json("--store", "sqlite:///other.db", "import", f"runs/{ids[1]}.jsonl.zst")
    assert imported["runId"] == ids[1]
    assert "name one RUN, or --all FOLDER" in home.refused("export")
    assert "FILE, --as-test and --name are for one RUN" in home.refused("export", "--all", "runs", "--name", "x")
    assert "are for --all" in home.refused("export", ids[0], "--workflow", "w")
