"""The store of the how-to passes the suite, and its URL opens it, as a package would bring it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/how-to/bring-your-own-store.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The page's code as a module, but for the part that uses it."""
    blocks = [block.group(1) for block in BLOCK.finditer(PAGE.read_text())]
    code = "\n\n".join(block for block in blocks if "with fl.open_ledger" not in block)
    (tmp_path / "file_log.py").write_text(code)
    return tmp_path


def run(folder: Path, *command: str) -> str:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    return done.stdout


@pytest.mark.exhaustive
def test_the_store_of_the_how_to_passes_the_suite(folder: Path) -> None:
    told = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "file_log.py")
    assert re.search(r"\d+ passed, 12 skipped", told), told  # it takes no guards, and can't be made to lose events


@pytest.mark.exhaustive
def test_the_store_of_the_how_to_has_a_url(folder: Path) -> None:
    package = folder / "file_log-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: file-log\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[flowledger.stores]\nfilelog = file_log:open_file_log\n")
    command = ("-m", "flowledger", "--store", "filelog:greetings.log", "--json", "workflow")
    assert "greetings" in run(folder, *command, "save", str(_definition(folder)), "--id", "greetings")
    assert "greetings" in run(folder, *command, "list")


def _definition(folder: Path) -> Path:
    file = folder / "definition.json"
    file.write_text('{"nodes": [{"id": "greet", "type": "greet"}]}')
    return file
