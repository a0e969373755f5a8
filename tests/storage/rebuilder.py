"""Rebuilds the index in small pages; says each time before it reads on, and does so when told to: rebuilder.py URL."""

import sys
from contextlib import closing
from typing import Any

from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.queries.index import rebuild
from flowledger.infrastructure.storage import recorder

rebuild.BATCH_ROWS = recorder.BATCH_ROWS = 5  # type: ignore[misc]


def main(url: str) -> None:
    with closing(open_store(url)) as store:
        read = store.recorder.indexed_batch

        def read_when_told(after: int, *, settled: bool) -> Any:
            print("settled" if settled else "swapping", flush=True)
            sys.stdin.readline()
            return read(after, settled=settled)

        store.recorder.indexed_batch = read_when_told  # type: ignore[method-assign]
        rebuild.rebuild_index(store)


main(sys.argv[1])
