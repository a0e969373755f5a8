"""Every figure in one run, as speeds compared with what hardware and driver alone can do. Exits 1 when one misses."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from . import (
    browsing,
    chart,
    due_runs,
    engine_lines,
    evidence,
    forking,
    growth,
    history,
    many_runs,
    many_writers,
    memory,
    one_run,
    queued_runs,
    reading,
    replaying,
    retention,
    start_up,
    starting,
    stored_bytes,
    subjects,
    walking,
    web,
    web_load,
)
from .report import Row, show
from .servers import Stores, open_stores

Benchmark = Callable[[Stores, int, bool], list[Row]]
"""Takes stores, rounds, and whether it is to be quick."""

BENCHMARKS: dict[str, Benchmark] = {
    "one-run": one_run.measure,
    "many-runs": many_runs.measure,
    "many-writers": many_writers.measure,
    "queued-runs": queued_runs.measure,
    "due-runs": due_runs.measure,
    "starting": starting.measure,
    "reading": reading.measure,
    "replaying": replaying.measure,
    "history": history.measure,
    "walking": walking.measure,
    "evidence": evidence.measure,
    "subjects": subjects.measure,
    "retention": retention.measure,
    "web": web.measure,
    "web-load": web_load.measure,
    "browsing": browsing.measure,
    "bytes": stored_bytes.measure,
    "forking": forking.measure,
    "engine": engine_lines.measure,
    "start-up": start_up.measure,
    "memory": memory.measure,
    "growth": growth.measure,
}


def main() -> int:
    options = _options()
    rows: list[Row] = []
    with open_stores() as stores:
        for name in options.only or BENCHMARKS:
            began = time.monotonic()
            rows += BENCHMARKS[name](stores, 5 if options.quick else 7, options.quick)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    show(rows)
    if options.json:
        options.json.write_text(json.dumps([row.to_data() for row in rows], indent=2, ensure_ascii=False) + "\n")
    if options.chart:
        chart.draw(rows, options.chart)
    return 0 if all(row.met for row in rows) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less work and fewer rounds: some minutes")
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    parser.add_argument("--chart", type=Path, metavar="FILE.svg", help="draw the speeds there (needs matplotlib)")
    options = parser.parse_args()
    if options.chart and find_spec("matplotlib") is None:
        parser.error("--chart needs matplotlib, which isn't installed")
    return options


if __name__ == "__main__":
    sys.exit(main())
