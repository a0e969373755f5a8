"""What another tool makes of the description: requests that fit it, that almost do, and that don't.

Schemathesis asks for other versions than we do, so it is none of our requirements: where it is on the PATH, installed
by itself (``pipx install schemathesis``), the test runs.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from ..browser.sites import served
from ..story import story

SCHEMATHESIS = shutil.which("schemathesis")
LEFT_OUT = "positive_data_acceptance"
"""A request may fit and be refused: a name is in use, a wait is none of that run."""


@pytest.mark.exhaustive
@pytest.mark.skipif(SCHEMATHESIS is None, reason="schemathesis isn't installed: pipx install it")
def test_every_answer_to_what_schemathesis_sends_is_as_described(tmp_path: Path) -> None:
    assert SCHEMATHESIS is not None
    with story(alike=1) as told, served(told.ledger, "admin") as base:
        words = [SCHEMATHESIS, "run", f"{base}/api/openapi.json", "--phases", "examples,coverage,fuzzing"]
        words += ["--exclude-checks", LEFT_OUT, "--exclude-path", "/stream", "--seed", "1", "--max-examples", "10"]
        tried = subprocess.run(words, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert tried.returncode == 0, tried.stdout
    assert "No test cases were generated" not in tried.stdout
