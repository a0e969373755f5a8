"""Whether workers stay as they are: memory, threads, connections and lag, while runs come at a steady rate."""

import statistics
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields

import psutil
import psycopg

from .cluster import Cluster


@dataclass(frozen=True)
class Sample:
    """Of all workers together."""

    seconds: float
    runs: int
    open_runs: int
    lag: float
    """Age of the oldest run that hasn't ended, in seconds."""
    megabytes: float
    threads: int
    files: int
    connections: int


def soak(cluster: Cluster, seconds: float, every: float, tell: Callable[[str], None]) -> list[Sample]:
    """Take samples at that pace, for so long, of a cluster on PostgreSQL."""
    began, samples = time.monotonic(), list[Sample]()
    tell("  ".join(f"{each.name:>11}" for each in fields(Sample)))
    with psycopg.connect(cluster.url, autocommit=True) as watch:
        while (now := time.monotonic() - began) < seconds:
            samples.append(_sample(cluster, now, watch))
            tell("  ".join(f"{round(value, 1):>11}" for value in astuple(samples[-1])))
            time.sleep(every)
    return samples


def growth(samples: list[Sample]) -> dict[str, float]:
    """The median of the last third as a multiple of that of the third before it, which is warm."""
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[-third:]
    return {
        name: statistics.median(getattr(each, name) for each in last)
        / max(1e-9, statistics.median(getattr(each, name) for each in middle))
        for name in ("lag", "megabytes", "threads", "files", "connections")
    }


_COUNTS = """
    SELECT count(*), count(*) FILTER (WHERE finished_at IS NULL), min(started_at) FILTER (WHERE finished_at IS NULL),
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
    FROM flowledger_index_runs"""


def _sample(cluster: Cluster, seconds: float, watch: psycopg.Connection) -> Sample:
    workers = [psutil.Process(worker.pid) for worker in cluster.workers]
    row = watch.execute(_COUNTS).fetchone()
    assert row is not None
    runs, open_runs, oldest, connections = row
    return Sample(
        seconds,
        runs,
        open_runs,
        time.time() - oldest / 1e6 if open_runs else 0.0,
        sum(worker.memory_info().rss for worker in workers) / 2**20,
        sum(worker.num_threads() for worker in workers),
        sum(worker.num_fds() for worker in workers),
        connections,
    )
