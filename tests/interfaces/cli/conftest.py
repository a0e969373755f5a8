"""The command line as a subprocess in a directory of its own, with an application beside it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ...prepared import PreparedPython

STEPS = """
import flowledger as fl

executors = fl.ExecutorRegistry()
not_a_registry = 3

@executors.register("echo")
def echo(step):
    print("an executor that prints")
    return step.data if step.payload is None else step.payload

@executors.register("boom")
def boom(step):
    raise ValueError("kaputt")

@executors.register("flaky", retry=fl.RetryPolicy(max_retries=1, interval=0))
def flaky(step):
    if step.attempt == 1:
        raise TimeoutError("too slow")
    return "at last"

@executors.register("ask")
def ask(step):
    return fl.Pause(reason="a person must look") if step.payload is None else step.payload

@executors.register("secret")
def secret(step):
    return {"length": len(step.globals["token"])}
"""


@dataclass
class CommandLine:
    """Runs ``flowledger`` in ``home``, where ``steps:executors`` is the application and ``ledger.db`` the store."""

    home: Path
    environment: dict[str, str]
    prepared: PreparedPython

    @property
    def store(self) -> str:
        return self.environment["FLOWLEDGER_STORE"]

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "flowledger", *arguments, stdin=stdin, **environment)

    def python(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python there; from its very beginning where ``environment`` may change how it begins."""
        if not environment and arguments[0] in ("-c", "-m"):
            return self.prepared.run(arguments, cwd=self.home, env=self.environment, input=stdin)
        return subprocess.run(
            [sys.executable, *arguments],
            input=stdin,
            cwd=self.home,
            env=self.environment | environment,
            capture_output=True,
            encoding="utf-8",
        )

    def json(self, *arguments: str, code: int = 0, stdin: str = "") -> Any:
        """The one document on stdout of a command that ends with this exit code."""
        done = self(*arguments, "--json", stdin=stdin)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def refused(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        """The message of a command that must be refused: exit code 2, nothing on stdout, no traceback."""
        done = self(*arguments, stdin=stdin, **environment)
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert done.stdout == ""
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
        return done.stderr

    def workflow(self, workflow_id: str, *types: str) -> None:
        """Save a line of nodes n1, n2, … of these types."""
        nodes = [{"id": f"n{place}", "type": type} for place, type in enumerate(types, start=1)]
        edges = [{"source": f"n{place}", "target": f"n{place + 1}"} for place in range(1, len(types))]
        self.json("workflow", "save", "-", "--id", workflow_id, stdin=json.dumps({"nodes": nodes, "edges": edges}))


@pytest.fixture
def cli(tmp_path: Path, prepared_python: PreparedPython) -> CommandLine:
    (tmp_path / "steps.py").write_text(STEPS)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FLOWLEDGER_")}
    return CommandLine(
        tmp_path,
        kept | {"FLOWLEDGER_STORE": "sqlite:///ledger.db", "FLOWLEDGER_APP": "steps:executors", "COLUMNS": "140"},
        prepared_python,
    )
