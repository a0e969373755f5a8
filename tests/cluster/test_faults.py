"""Workers and servers of real processes are killed and stalled; every run ends, and nothing acknowledged is lost."""

from pathlib import Path

import pytest

from .chaos import kill_a_worker, kill_two_workers, stall_a_worker, survive
from .cluster import Cluster
from .stores import running_store
from .verdict import judge

pytestmark = pytest.mark.exhaustive

RUNS = 200
"""``python -m tests.cluster faults`` does the same for longer."""
SEED = 1


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_every_run_ends_whatever_is_killed_and_no_acknowledged_event_is_lost(backend: str, tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    noted.mkdir()
    with running_store(backend, tmp_path) as (url, faults), Cluster(url, noted, runs=RUNS) as cluster:
        survive(cluster, [kill_a_worker, stall_a_worker, *faults, kill_two_workers, stall_a_worker, *faults], SEED)
        verdict = judge(url, noted, RUNS)
    print(verdict)
    assert verdict.lost == ()
    assert verdict.recoveries > 0
