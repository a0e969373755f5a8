"""The walls of the house hold: an import that goes up, or round in a circle, is refused by name."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "projections", "infrastructure")
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=project, env={"PYTHONPATH": str(project / "src"), "COLUMNS": "200"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, to plant imports in."""
    copy = tmp_path_factory.mktemp("house")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    package = copy / "src" / "flowledger"
    shutil.copytree(ROOT / "src" / "flowledger", package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_no_import_goes_up_and_none_goes_in_a_circle(project: Path) -> None:
    linted = lint(project)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("file", "planted", "broken"),
    [
        ("domain/values/clock.py", "from flowledger.projections import pagination", "The domain knows nobody"),
        ("domain/values/clock.py", "import orjson", "Only infrastructure knows storage"),
        (
            "infrastructure/storage/codec.py",
            "from flowledger.infrastructure.services.history import service",
            "The rooms of infrastructure stand in layers",
        ),
        (
            "infrastructure/storage/codec.py",
            "if TYPE_CHECKING:\n    from flowledger.infrastructure.execution import engine",
            "The rooms of infrastructure stand in layers",
        ),
        ("domain/values/clock.py", "from flowledger.domain.run import events", "No circle between rooms"),
        (
            "infrastructure/storage/codec.py",
            "from flowledger.infrastructure.storage.sqlite import recorder",
            "No circle between rooms",
        ),
    ],
    ids=["out of the domain", "a library in the domain", "up", "up for types alone", "a circle", "a circle inside"],
)
def test_a_planted_import_is_refused(project: Path, file: str, planted: str, broken: str) -> None:
    path = project / file
    before = path.read_text()
    path.write_text(f"{before}\nfrom typing import TYPE_CHECKING\n{planted}\n")
    try:
        linted = lint(project)
    finally:
        path.write_text(before)
    assert linted.returncode == 1
    verdicts = [line for line in linted.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(verdict.startswith(broken) for verdict in verdicts), linted.stdout
