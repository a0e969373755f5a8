"""A process of its own that opens a store and says ``ready``, waits for a line, then writes what it is told to.

worker.py URL open N           opens the store only after the line
worker.py URL race COUNT N     appends versions 1 to COUNT of one stream; prints each that it won
worker.py URL write COUNT N    appends COUNT events to stream ``sN``
"""

import sys
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from events import opened, write

from flowledger.domain.errors import ConcurrencyError
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.event_store import LedgerEventStore


def race(store: LedgerEventStore, count: int, number: str) -> None:
    for version in range(count):
        try:
            write(store, "raced", version, number)
        except ConcurrencyError:
            continue
        print(version)


def write_alone(store: LedgerEventStore, count: int, number: str) -> None:
    for version in range(count):
        write(store, f"s{number}", version, version)


def wait_for_the_line() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def main(url: str, job: str, *rest: str) -> None:
    if job == "open":
        wait_for_the_line()
        with closing(open_store(url)) as store:
            write(store, f"s{rest[0]}", 0, "opened")
        return
    with opened(url) as store:
        wait_for_the_line()
        {"race": race, "write": write_alone}[job](store, int(rest[0]), rest[1])


main(*sys.argv[1:])
