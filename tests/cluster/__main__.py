"""What the tests of this room do, for longer.

python -m tests.cluster faults [--store sqlite] [--runs 2000] [--faults 50] [--seed 1]
python -m tests.cluster soak [--minutes 10] [--rate 10]
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from ..storage.clusters import running_cluster
from .chaos import kill_a_worker, kill_two_workers, stall_a_worker, survive
from .cluster import Cluster
from .soak import growth, soak
from .stores import running_store
from .verdict import judge


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    faults = kinds.add_parser("faults", help="processes and servers are killed and stalled")
    faults.add_argument("--store", choices=["sqlite", "postgres"], default="postgres")
    faults.add_argument("--runs", type=int, default=2_000)
    faults.add_argument("--workers", type=int, default=3)
    faults.add_argument("--faults", type=int, default=50)
    faults.add_argument("--seed", type=int, default=1)
    steady = kinds.add_parser("soak", help="runs come at a steady rate")
    steady.add_argument("--minutes", type=float, default=10)
    steady.add_argument("--rate", type=float, default=10, help="runs a second")
    steady.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowledger-") as folder:
        return (_faults if asked.kind == "faults" else _soak)(asked, Path(folder))


def _faults(asked: argparse.Namespace, folder: Path) -> int:
    with running_store(asked.store, folder) as (url, more):
        noted = folder / "noted"
        noted.mkdir()
        known = [kill_a_worker, kill_two_workers, stall_a_worker, *more]
        chosen = random.Random(asked.seed).choices(known, k=asked.faults)
        with Cluster(url, noted, runs=asked.runs, workers=asked.workers) as cluster:
            survive(cluster, chosen, asked.seed)
            verdict = judge(url, noted, asked.runs)
    print(verdict)
    return 1 if verdict.lost else 0


def _soak(asked: argparse.Namespace, folder: Path) -> int:
    with running_cluster() as server:
        url, seconds = server.get_uri(), 60 * asked.minutes
        cluster = Cluster(url, folder, runs=round(seconds * asked.rate), workers=asked.workers, rate=asked.rate)
        with cluster:
            cluster.wait_for(lambda: cluster.acknowledged() > 0)
            samples = soak(cluster, seconds, every=seconds / 60, tell=print)
            cluster.stop()
    found = growth(samples)
    print("the last third beside the third before:", ", ".join(f"{name} × {by:.2f}" for name, by in found.items()))
    return 1 if max(found["megabytes"], found["threads"], found["files"], found["connections"]) > 1.1 else 0


if __name__ == "__main__":
    sys.exit(main())
