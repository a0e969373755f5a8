"""Ctrl-C in the middle of a step: the run is not lost, and who pressed it is told how it goes on."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from .conftest import CommandLine

SLOW = """
import flowledger as fl, pathlib, sys, time
executors = fl.ExecutorRegistry()

@executors.register("slow")
def slow(step):
    here = pathlib.Path("begun")
    if not here.exists():
        here.touch()
        print("begun", file=sys.stderr, flush=True)
        time.sleep(60)
    return "done"
"""


@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupted_run_says_how_it_goes_on(cli: CommandLine, as_json: bool) -> None:
    (cli.home / "slow.py").write_text(SLOW)
    cli.environment["FLOWLEDGER_APP"] = "slow:executors"
    cli.workflow("slow", "slow")
    command = [sys.executable, "-m", "flowledger", "run", "start", "slow", *(["--json"] if as_json else [])]
    process = subprocess.Popen(
        command, cwd=cli.home, env=cli.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "begun" in process.stderr.readline()
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    found = re.search(r"continue it with: run proceed (\S+)", err)
    assert found is not None
    if as_json:
        assert found[1] in json.loads(out)["error"]["message"]
    assert cli.json("run", "proceed", found[1])["status"] == "completed"
