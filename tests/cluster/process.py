"""What the processes of a cluster have in common: how they open a ledger, and when they end."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import flowledger as fl

from .journal import Journal
from .workload import executors, note_acknowledgements


@contextmanager
def opened(url: str, folder: str, name: str, lease: float) -> Iterator[fl.Ledger]:
    """A ledger whose acknowledged events are noted; what isn't there yet is waited for."""
    journal = Journal(Path(folder), name)
    note_acknowledgements(journal)
    logging.getLogger("flowledger").addHandler(_Said(journal))
    while True:
        try:
            ledger = fl.open_ledger(url, executors(journal), lease=lease)
        except fl.StorageUnavailable:
            if told_to_stop.wait(0.1):
                sys.exit()
        else:
            break
    with ledger:
        print("ready", flush=True)
        yield ledger


class _Said(logging.Handler):
    """Notes what flowledger logs, and what its errors say."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        self._journal.note("said", logger=record.name, level=record.levelname, text=record.getMessage())


told_to_stop = threading.Event()
"""Set when the tests close this process's input, or are gone."""


def _listen() -> None:
    sys.stdin.read()
    told_to_stop.set()


threading.Thread(target=_listen, daemon=True).start()
