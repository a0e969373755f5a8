"""Runs as files from the shell: out of one store, into another, and kept as tests."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from .conftest import CommandLine


@pytest.fixture
def run(cli: CommandLine) -> str:
    cli.workflow("w", "echo", "boom")
    run_id: str = cli.json("run", "start", "w", "--payload", '{"n": 1}', code=1)["id"]
    return run_id


def other(cli: CommandLine) -> CommandLine:
    return replace(cli, environment=cli.environment | {"FLOWLEDGER_STORE": "sqlite:///other.db"})


def test_a_run_goes_from_one_store_to_another(cli: CommandLine, run: str) -> None:
    exported = cli.json("export", run)
    assert exported["file"] == f"{run}.jsonl.zst"
    assert exported["events"] == 5
    assert set(exported["streams"]) >= {run, "workflow:w"}
    refused = other(cli).refused("import", exported["file"], "--dry-run")
    assert "there is no store" in refused
    imported = other(cli).json("import", exported["file"])
    assert (imported["runId"], imported["added"], imported["present"]) == (run, 5, 0)
    assert {stream["stream"] for stream in imported["streams"]} == set(exported["streams"])
    assert other(cli).json("show", run) == cli.json("show", run)
    again = other(cli).json("import", exported["file"], "--dry-run")
    assert (again["added"], again["present"], again["dryRun"]) == (0, 5, True)


def test_people_are_told_in_a_sentence(cli: CommandLine, run: str) -> None:
    assert cli("export", run, "run.jsonl").stdout == "5 events of 3 streams in run.jsonl\n"
    would = other(cli)("import", "run.jsonl").stdout
    assert re.fullmatch(rf"run {run}: added 5 events \([0-9,]+ bytes\) of 3 streams; 0 were here already\n", would)
    told = other(cli)("import", "run.jsonl", "--dry-run").stdout
    assert told == f"run {run}: would add 0 events; 5 were here already\n"


def test_what_goes_on_with_a_stream_is_taken_in_when_that_is_asked_for(cli: CommandLine, run: str) -> None:
    cli.json("export", run, "run.jsonl")
    other(cli).json("import", "run.jsonl")
    again = cli.json("run", "retry", run, code=1)["id"]
    cli.json("export", again, "again.jsonl")
    refused = other(cli).refused("import", "again.jsonl", "--dry-run")
    assert "1 of stream" in refused
    assert "--continue" in refused
    imported = other(cli).json("import", "again.jsonl", "--continue")
    assert [stream["added"] for stream in imported["streams"] if stream["continued"]] == [1]
    assert imported["bytes"] == sum(stream["bytes"] for stream in imported["streams"]) > 0


def test_limits_are_told_with_the_option_that_allows_more(cli: CommandLine, run: str) -> None:
    cli.json("export", run, "run.jsonl")
    for option, least in (("--max-streams", "1"), ("--max-events", "2"), ("--max-bytes", "600")):
        assert f"allow more with max_{option[6:]}" in other(cli).refused("import", "run.jsonl", option, least)
    assert "max_events 0 is not" in other(cli).refused("import", "run.jsonl", "--max-events", "0")


def test_bad_files_and_conflicts_are_told(cli: CommandLine, run: str) -> None:
    cli.json("export", run, "run.jsonl")
    lines = (cli.home / "run.jsonl").read_text().splitlines(keepends=True)
    (cli.home / "cut.jsonl").write_text("".join(lines[:-1]))
    assert "line 7 of 'cut.jsonl': the file was cut off" in other(cli).refused("import", "cut.jsonl")
    assert "No such file" in other(cli).refused("import", "none.jsonl")
    other(cli).workflow("w", "echo")
    assert "stream 'workflow:w' is another one from version 1 on" in other(cli).refused("import", "run.jsonl")
    done = other(cli)("import", "run.jsonl", "--json")
    error = json.loads(done.stdout)["error"]
    assert (error["type"], error["stream"], error["version"]) == ("ConflictingHistory", "workflow:w", 1)
    assert "no run 'nobody'" in cli.refused("export", "nobody")
    assert "not both" in cli.refused("export", run, "run.jsonl", "--as-test", "cases")
    assert "--as-test" in cli.refused("export", run, "--name", "x")


@pytest.mark.exhaustive
def test_a_run_is_kept_as_a_test_that_fails_when_the_code_changes(cli: CommandLine, run: str) -> None:
    cases = cli.home / "tests" / "cases"
    assert "there is no folder" in cli.refused("export", run, "--as-test", "tests/cases")
    cases.parent.mkdir()
    written = cli.json("export", run, "--as-test", "tests/cases")
    assert [path.name for path in sorted(cases.iterdir())] == ["test_cases.py", f"w-{run[-12:]}.jsonl"]
    assert (written["case"], written["test"]) == (f"tests/cases/w-{run[-12:]}.jsonl", "tests/cases/test_cases.py")
    assert pytest_in(cli).returncode == 0

    (cases / "test_cases.py").write_text((cases / "test_cases.py").read_text() + "# kept\n")
    again = cli("export", run, "--as-test", "tests/cases", "--name", "no stock/left", FLOWLEDGER_APP="")
    assert again.stdout == "wrote tests/cases/no%20stock%2Fleft.jsonl\n"
    assert (cases / "test_cases.py").read_text().endswith("# kept\n")

    steps = cli.home / "steps.py"
    steps.write_text(steps.read_text().replace('ValueError("kaputt")', 'ValueError("broken")'))
    failed = pytest_in(cli)
    assert failed.returncode == 1
    assert "2 failed" in failed.stdout
    for part in ("goes another way", "version 3", "node 'n2'", "attempt 1", "error/message", "kaputt", "broken"):
        assert part in failed.stdout


def pytest_in(cli: CommandLine) -> subprocess.CompletedProcess[str]:
    arguments = ["-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio", "--rootdir", ".", "tests/cases"]
    return cli.python(*arguments, PYTHONPATH=os.pathsep.join([str(cli.home), *filter(None, sys.path)]))


def test_a_test_file_needs_to_know_the_registry(cli: CommandLine, run: str, tmp_path: Path) -> None:
    message = cli.refused("export", run, "--as-test", "cases", FLOWLEDGER_APP="")
    assert "give --app module:registry" in message
    assert not (tmp_path / "cases").exists()
