"""What applications and scripts of older releases name still works, or says what to write instead."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import flowledger as fl
import flowledger.demo

OLD_APP = "flowledger.infrastructure.demo.triage:executors"


def test_the_application_that_an_old_demo_printed_is_the_same_and_tells_its_new_name() -> None:
    sys.modules.pop("flowledger.infrastructure.demo.triage", None)
    with pytest.warns(DeprecationWarning, match=r"write --app flowledger\.demo:executors"):
        old = importlib.import_module("flowledger.infrastructure.demo.triage")
    assert old.executors is flowledger.demo.executors


def test_a_command_goes_on_with_the_application_that_an_old_demo_printed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with fl.open_ledger(url, flowledger.demo.executors) as ledger:
        ledger.workflows.save(flowledger.demo.DEFINITION, workflow_id="w")
    command = [
        sys.executable,
        "-W",
        "default",
        "-m",
        "flowledger",
        "--store",
        url,
        "--app",
        OLD_APP,
        "run",
        "start",
        "w",
    ]
    done = subprocess.run([*command, "--payload", "{}"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 1), done.stderr  # as the run ends
    assert done.stdout


@pytest.mark.parametrize("name", ["flowledger.testing", "flowledger.stores", "flowledger.demo"])
def test_documented_modules_have_what_they_name(name: str) -> None:
    module = importlib.import_module(name)
    assert [each for each in module.__all__ if getattr(module, each, None) is None] == []
