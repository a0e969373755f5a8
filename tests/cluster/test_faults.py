"""Workers and servers of real processes are killed and stalled; every run ends, and nothing acknowledged is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..storage.clusters import running_cluster
from .chaos import Fault, kill_a_worker, kill_the_server, kill_two_workers, stall_a_worker, survive
from .cluster import Cluster
from .verdict import judge

pytestmark = pytest.mark.exhaustive


@contextmanager
def store(backend: str, folder: Path) -> Iterator[tuple[str, list[Fault]]]:
    """A store, and what may happen to it."""
    if backend == "sqlite":
        yield f"sqlite:///{folder / 'ledger.db'}", []
    else:
        with running_cluster() as server:
            yield server.get_uri(), [kill_the_server(server)]


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_every_run_ends_whatever_is_killed_and_no_acknowledged_event_is_lost(backend: str, tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    noted.mkdir()
    with store(backend, tmp_path) as (url, faults), Cluster(url, noted, runs=RUNS) as cluster:
        survive(cluster, [kill_a_worker, stall_a_worker, *faults, kill_two_workers, stall_a_worker, *faults], SEED)
        verdict = judge(url, noted, RUNS)
    print(verdict)
    assert verdict.lost == ()
    assert verdict.recoveries > 0


RUNS = 200
SEED = 1
