"""A shop whose application other processes can import, and whose steps can end their process."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import pytest

import flowledger as fl

from ...conftest import url_of

APPLICATION = """
import os, signal
from pathlib import Path
import flowledger as fl

HERE = Path(__file__).parent
executors = fl.ExecutorRegistry()

@executors.register("double")
def double(step):
    for file, again in (("dies", True), ("dies-once", False)):
        if (HERE / file).exists() and (HERE / file).read_text() == str(step.payload):
            if not again:
                (HERE / file).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
    return step.payload * 2

@executors.register("odd")
def odd(step):
    return step.payload * 2 + (step.payload % 5 == 3)
"""


@dataclass
class Shop:
    """Runs 0, 1, 2, … of a workflow with one node, recorded by now."""

    home: Path
    module: str
    ledger: fl.Ledger
    run_ids: list[str]

    @property
    def app(self) -> str:
        return f"{self.module}:executors"


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """On SQLite, or on the backend that is the fixture's parameter."""
    module = f"shop_{uuid4().hex}"
    (tmp_path / f"{module}.py").write_text(APPLICATION)
    monkeypatch.chdir(tmp_path)  # where workers are started, and import the application
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    executors = import_module(module).executors
    url = url_of(getattr(request, "param", "sqlite"), request)
    with fl.open_ledger(url, executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "d", "type": "double"}]}, workflow_id="w")
        ledger.workflows.save({"nodes": [{"id": "d", "type": "odd"}]}, workflow_id="w", draft=True)
        run_ids = [ledger.runs.start("w", payload=number).id for number in range(12)]
        yield Shop(tmp_path, module, ledger, run_ids)
