"""The demonstration runs from start to end, and leaves a store in which its own suggestions work."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ...prepared import PreparedPython

Demo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def demo(prepared_python: PreparedPython, tmp_path: Path) -> Demo:
    return demo_in(tmp_path, prepared_python)


def demo_in(folder: Path, python: PreparedPython) -> Demo:
    def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        told = os.environ | {"TMPDIR": str(folder), "COLUMNS": "140"} | environment
        return python.run(["-m", "flowledger", *options], cwd=folder, env=told)

    return run


def summary_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def test_the_demo_tells_the_whole_cycle(demo: Demo) -> None:
    done = demo("demo")
    assert done.returncode == 0, done.stderr
    for words in (
        "A workflow is saved",
        "intake → route",
        "tried again → paused",
        "approved by ada",
        "rejected by grace",
        "Time travel",
        "run.step_failed",
        "run.resumed",
        "nothing wrong",
        "export FLOWLEDGER_STORE=sqlite:////",
    ):
        assert words in done.stdout
    assert done.stderr == ""


class Told(NamedTuple):
    """A demonstration that was given in a folder of its own, where the environment named a store."""

    folder: Path
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def told(prepared_python: PreparedPython, tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("told")
    return Told(
        folder, demo_in(folder, prepared_python)("demo", "--json", FLOWLEDGER_STORE=f"sqlite:///{folder / 'mine.db'}")
    )


@pytest.mark.exhaustive
def test_the_summary_of_the_demo_is_one_json_document_and_the_story_goes_to_stderr(told: Told) -> None:
    done = told.done
    summary = summary_of(done)
    assert summary["ok"] is True
    assert {run["status"] for run in summary["runs"]} == {"completed"}
    assert {run["outcome"] for run in summary["runs"]} == {"escalated", "declined", "filed", "ignored"}
    assert {run["decision"] for run in summary["runs"]} == {"approved by ada", "rejected by grace", None}
    assert any(run["retries"] for run in summary["runs"])
    assert summary["verified"]["ok"] is True
    assert "Time travel" in done.stderr


@pytest.mark.exhaustive
def test_the_commands_to_try_next_work(told: Told) -> None:
    commands = summary_of(told.done)["tryNext"]
    shell = "\n".join(["set -e", *(command for command in commands if " RUN " not in command)])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    tried = subprocess.run(
        ["sh", "-c", shell], cwd=told.folder, env=os.environ | {"PATH": path}, capture_output=True, encoding="utf-8"
    )
    assert tried.returncode == 0, tried.stderr
    assert "relevant to security: waiting for a decision" in tried.stdout
    assert "nothing wrong" in tried.stdout


@pytest.mark.exhaustive
def test_the_demo_leaves_a_store_alone_that_only_the_environment_names(told: Told) -> None:
    summary_of(told.done)
    assert not (told.folder / "mine.db").exists()


@pytest.mark.exhaustive
def test_the_demo_can_be_told_twice_in_one_store(demo: Demo, durable_url: str) -> None:
    for _ in range(2):
        summary = summary_of(demo("--store", durable_url, "demo", "--json"))
        assert summary["ok"] is True
        assert summary["workflow"] == {"id": "demo-triage", "version": 1}
