"""The recipe for a new event in CONTRIBUTING.md, followed to the letter in a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from ..effort import spread

ROOT = Path(__file__).parents[2]
COPIED = ("domain", "projections", "infrastructure", "tests/house", "tests/docs", "tests/golden", "docs")

TRY = """
import sys
import flowledger as fl
from flowledger.domain.ports import NewEvent, Write
from flowledger.infrastructure.interfaces.cli import main

executors = fl.ExecutorRegistry()
executors.register("t")(lambda step: 1)
with fl.open_ledger("sqlite:///a.db", executors) as ledger:
    ledger.workflows.save({"nodes": [{"id": "n", "type": "t"}]}, workflow_id="w", by="ada")
    run = ledger.runs.start("w", by="ada")
    before = ledger.history.snapshot(run.id)
    last = list(ledger.history.events(run.id))[-1].data
    body = {"recorded_at": last["recorded_at"], "by": "bob", "correlation_id": run.work_order_id}
    body |= {"after": last["after"], "note": "look at this"}
    ledger._store.append(Write(run.id, run.version, (NewEvent("run.noted", body),)))
    assert ledger.history.snapshot(run.id).context == before.context
    (act,) = ledger.history.trail(by="bob")
    print(act.summary)
    assert ledger.verify(deep=True).findings == ()
    ledger.rebuild()
    assert ledger.verify(deep=True).findings == ()
    assert [found.id for found in ledger.history.runs(text="bob")] == [run.id]
    ledger.history.export(run.id, "run.jsonl")
with fl.open_ledger("sqlite:///b.db") as other:
    other.history.import_("run.jsonl")
    print([event.type for event in other.history.events(run.id)][-1])
sys.argv[1:] = ["--store", "sqlite:///a.db", "events", run.id]
main()
"""


class Copy:
    """A copy of the repository, as far as events are concerned."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in COPIED:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("pyproject.toml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
            shutil.copy(ROOT / file, folder)
        shutil.copytree(ROOT / "src", folder / "src", symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))

    def follow(self, steps: list[tuple[str, str]]) -> None:
        for file, block in steps:
            path = self.folder / file
            path.write_text(self._added(path.read_text(), block, file))

    @staticmethod
    def _added(text: str, block: str, file: str) -> str:
        if file.endswith(".md"):
            rows = [match.end() for match in re.finditer(r"^\| `.*\n", text, re.MULTILINE)]
            return text[: rows[-1]] + block + "\n" + text[rows[-1] :]
        if not file.endswith("registry.py"):
            return f"{text}\n\n{block}\n"
        imports, _, entry = block.partition("\n\n")
        text = text.replace("from .state import", f"{imports}\nfrom .state import", 1)
        return text.replace("\n)\n\nCLAIMS", f"\n{entry}\n)\n\nCLAIMS", 1)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(self.folder / "src"), "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, *command], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def check(self) -> subprocess.CompletedProcess[str]:
        tests = (
            "tests/house/test_events.py",
            "tests/docs/test_docs.py::test_the_events_page_tells_every_event_and_every_key_of_its_body",
        )
        return self.run("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests)


def recipe() -> list[tuple[str, str]]:
    """File and text of each step that has a text."""
    page = (ROOT / "CONTRIBUTING.md").read_text().partition("## A new event")[2]
    found = re.findall(r"^\d\. (.*?)\n   ```\w+\n(.*?)\n   ```$", page, re.MULTILINE | re.DOTALL)
    steps = [(re.findall(r"`((?:domain|docs)/[\w/]+\.\w+)`", told)[0], dedent(block)) for told, block in found]
    assert len(steps) == 5
    return steps


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "copy")


@pytest.mark.exhaustive
def test_an_event_that_was_added_by_the_recipe_is_known_everywhere(copy: Copy) -> None:
    copy.follow(recipe())
    checked = copy.check()
    assert checked.returncode == 0, checked.stdout
    assert (
        "[run.noted]"
        in copy.run("-m", "pytest", "--collect-only", "-q", "-n", "0", "tests/house/test_events.py").stdout
    )
    tried = copy.run("-c", TRY)
    assert (tried.returncode, tried.stderr) == (0, ""), tried.stderr
    trail, imported, *events = tried.stdout.splitlines()
    assert re.fullmatch(r"noted on run [\w-]+: look at this", trail)
    assert imported == "run.noted"
    assert any("run.noted" in line and "look at this" in line for line in events), events


@pytest.mark.parametrize("left_out", spread([3, 4], by_default=[3]))
def test_a_step_that_is_left_out_is_missed_by_name(copy: Copy, left_out: int) -> None:
    steps = recipe()
    del steps[left_out]
    copy.follow(steps)
    checked = copy.check()
    assert checked.returncode == 1
    assert "run.noted" in checked.stdout


@pytest.mark.exhaustive
def test_a_key_whose_bounds_no_import_knows_is_missed_by_name(copy: Copy) -> None:
    steps = [(file, block.replace("    note: str", "    note: str\n    noticed_at: int")) for file, block in recipe()]
    copy.follow(steps)
    checked = copy.check()
    assert checked.returncode == 1
    assert "noticed_at" in checked.stdout
