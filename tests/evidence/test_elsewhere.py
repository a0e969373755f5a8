"""Where a system has no locks of a Unix, and forks no processes, only what needs them says so."""

import subprocess
import sys
from pathlib import Path

ELSEWHERE = """
import os, sys
sys.modules["fcntl"] = None  # as where there is none
del os.fork, os.register_at_fork
import flowledger as fl

with fl.open_ledger("memory:") as ledger:
    evidence = ledger.evidence
    public = evidence.keygen("key", "example.com/s")
    ledger.workflows.save({"nodes": [{"id": "a", "type": "t"}]}, workflow_id="w")
    signed = evidence.checkpoint("key", to="checkpoints")
    assert evidence.check(signed, public).ok
    request = evidence.ask_witness(signed)
    evidence.keygen("witness", "witness.example", witness=True)
    try:
        evidence.cosign(request, "witness", public, "seen")
    except fl.InvalidRequest as error:
        print(error)
assert not os.path.exists("seen")
"""


def test_evidence_works_elsewhere_and_a_witness_says_that_it_needs_a_lock(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no such lock (flock): sign on Linux or macOS" in done.stdout
