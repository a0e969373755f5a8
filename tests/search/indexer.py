"""Catches up and is killed after so many batches, on SQLite in the middle of the next one: indexer.py URL BATCHES."""

import os
import signal
import sys
from contextlib import closing

from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.queries.search.indexer import SearchIndex


def main(url: str, batches: int) -> None:
    left, rows = iter(range(batches)), iter(range(1, 10))

    def die_at_the_end(_: float) -> None:
        if next(left, None) != batches - 1:
            return
        if url.startswith("sqlite"):
            store.search._recorder.datastore.connection().set_trace_callback(die_in_the_middle)  # type: ignore
        else:
            os.kill(os.getpid(), signal.SIGKILL)

    def die_in_the_middle(statement: str) -> None:
        if statement.startswith("INSERT INTO flowledger_search ") and not next(rows, None):
            os.kill(os.getpid(), signal.SIGKILL)

    with closing(open_store(url)) as store:
        SearchIndex(store, store.search, lambda: 0).catch_up(progress=die_at_the_end)


main(sys.argv[1], int(sys.argv[2]))
