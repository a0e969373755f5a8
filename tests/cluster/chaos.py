"""Faults, one after the other, each when the cluster has got a little further: nothing depends on how fast it is."""

import os
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import psutil

import flowledger as fl

from .cluster import Cluster, Process
from .verdict import has_ended
from .workload import STEPS

Fault = Callable[[Cluster, random.Random], None]


def kill_a_worker(cluster: Cluster, chance: random.Random) -> None:
    cluster.replace(stop_at_work(cluster, chance))


def kill_two_workers(cluster: Cluster, chance: random.Random) -> None:
    first = stop_at_work(cluster, chance)
    second = chance.choice([worker for worker in cluster.workers if worker is not first])
    for worker in (first, second):
        cluster.replace(worker)


def stop_at_work(cluster: Cluster, chance: random.Random) -> Process:
    """A worker that was stopped while it held a run: who kills one that holds none has interrupted nothing."""
    with fl.open_ledger(cluster.url) as ledger:
        while True:
            worker = chance.choice(cluster.workers)
            worker.stall()
            if any(known.pid == worker.pid and known.running for known in ledger.workers()):
                return worker
            worker.go_on()
            assert not has_ended(cluster.url, cluster.runs), "there was nothing to interrupt any more"


def stall_a_worker(cluster: Cluster, chance: random.Random) -> None:
    """It goes on when others have done some work meanwhile, or could do none, as it stalled in a write."""
    worker = chance.choice(cluster.workers)
    worker.stall()
    cluster.advance(events=40, within=2 * cluster.lease)
    worker.go_on()


def kill_the_server(server: Any) -> Fault:
    """All of its processes at once, as by a loss of power; then it recovers from its log."""

    def kill_it(cluster: Cluster, chance: random.Random) -> None:
        kill_server(server)
        server.ensure_postgres_running()

    return kill_it


def kill_server(server: Any) -> None:
    """Kill all of its processes as they are at one moment."""
    postmaster = server.get_postmaster_info().process
    # While it stands still it has no new children, and the number of one that ends isn't given to another process. Else
    # it would also have a moment to act on the death of its children.
    postmaster.suspend()
    while postmaster.status() != psutil.STATUS_STOPPED:
        os.sched_yield()
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in reversed(processes):
        with suppress(psutil.NoSuchProcess):  # what a child had started isn't the postmaster's to wait for
            process.kill()
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive


def survive(cluster: Cluster, faults: Sequence[Fault], seed: int) -> None:
    """Let all faults happen while the runs are executed, then let them end."""
    chance = random.Random(seed)
    share = cluster.runs * STEPS // (len(faults) + 2)
    for number, fault in enumerate(faults, 1):
        cluster.wait_for(lambda: cluster.acknowledged() >= number * share)  # noqa: B023 - called at once
        assert not has_ended(cluster.url, cluster.runs)
        fault(cluster, chance)
    cluster.wait_for(lambda: has_ended(cluster.url, cluster.runs))
    cluster.stop()
