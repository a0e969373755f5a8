"""A store of which a checkpoint was signed and kept elsewhere, and files by which its runs are proved."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import flowledger as fl
from flowledger import check_proof

from ..verification.stories import Story

PYTHON = str(Path(check_proof.__file__))
JAVASCRIPT = str(Path(check_proof.__file__).with_suffix(".mjs"))


class SignedStory(Story):
    """A story that was signed; ``key`` is the private key, ``public`` the line to check with."""

    def __init__(self, url: str, folder: Path, name: str = "example.com/story") -> None:
        super().__init__(url)
        self.key = folder / "key"
        self.public = self.ledger.evidence.keygen(self.key, name)

    def sign(self) -> fl.SignedCheckpoint:
        return self.ledger.evidence.checkpoint(self.key)

    def shown(self, checkpoint: fl.SignedCheckpoint | str) -> list[tuple[str, int, str]]:
        """What checking finds, each by stream, version and kind."""
        return [finding[:3] for finding in self.ledger.evidence.check(checkpoint, self.public).findings]


def answers(program: Sequence[str], public: str, files: Sequence[Path]) -> list[bool]:
    """Whether a standalone checker takes each of the files; one process for all of them."""
    folder = files[0].parent
    found = subprocess.run(
        [*program, public, *(file.name for file in files)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert found.stderr == ""
    lines = found.stdout.splitlines()
    assert [line.split()[1].rstrip(":") for line in lines] == [file.name for file in files]
    told = [line.startswith("OK ") for line in lines]
    assert found.returncode == (0 if all(told) else 1)
    return told


def by_python(public: str, files: Sequence[Path]) -> list[bool]:
    return answers([sys.executable, "-I", PYTHON], public, files)


def by_javascript(public: str, files: Sequence[Path]) -> list[bool]:
    return answers(["node", JAVASCRIPT], public, files)
