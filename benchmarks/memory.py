"""Peak memory of a process that reads a long run event by event: it must not hold the run."""

import re
import subprocess
import sys
from pathlib import Path

from .report import Row
from .servers import Stores
from .systems import ours

EVENTS = 100_000
FEW = 10
MEGABYTE = 2**20


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    rows: list[Row] = []
    for backend in ("PostgreSQL", "SQLite"):
        url = stores.new(backend)
        ours.store_run(url, "short", FEW)
        ours.store_run(url, "long", EVENTS)
        held = (_peak(url, "long", EVENTS) - _peak(url, "short", FEW)) / MEGABYTE
        what = f"memory to read {EVENTS:,} events one by one, {backend}"
        rows.append(Row(what, f"{held:.1f} MiB", "< 16 MiB", held < 16, f"peak, above that of reading {FEW}"))
    return rows


def _peak(url: str, run_id: str, events: int) -> int:
    """Bytes resident at most in a process that reads one run."""
    command = [sys.executable, "-m", "benchmarks.memory", url, run_id, str(events)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout)


def _read(url: str, run_id: str, events: int) -> None:
    import flowledger as fl

    with fl.open_ledger(url) as ledger:
        read = sum(1 for _ in ledger.history.events(run_id))
    assert read == events
    # Not ru_maxrss: that starts at what the parent process held when it made this one.
    (peak,) = re.findall(r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    print(int(peak) * 1024)


if __name__ == "__main__":
    _read(sys.argv[1], sys.argv[2], int(sys.argv[3]))
