"""Who starts the runs and answers their questions: ``python -m tests.cluster.desk URL FOLDER NAME LEASE RUNS [RATE]``.

All runs are started at once, or so many a second.
"""

import sys
import time

import flowledger as fl

from .journal import Journal
from .process import opened, told_to_stop
from .workload import ASKED, WORKFLOW, definition


def main(url: str, folder: str, name: str, lease: str, runs: str, rate: str = "inf") -> None:
    with opened(url, folder, name, float(lease)) as (ledger, journal):
        while not _saved(ledger, journal):
            told_to_stop.wait(0.1)
        began, numbers = time.monotonic(), list(range(int(runs)))
        while not told_to_stop.is_set():
            due = (time.monotonic() - began) * float(rate)
            # Who doesn't know whether a run was started starts it again, by the same key.
            numbers = [number for number in numbers if number > due or not _started(ledger, journal, number)]
            _answer_all(ledger, journal)
            told_to_stop.wait(0.05)


def _saved(ledger: fl.Ledger, journal: Journal) -> bool:
    try:
        ledger.workflows.save(definition(), workflow_id=WORKFLOW)
    except fl.StorageUnavailable as error:
        _note(journal, error)
        return False
    return True


def _started(ledger: fl.Ledger, journal: Journal, number: int) -> bool:
    try:
        ledger.runs.start(WORKFLOW, wait=False, idempotency_key=f"run {number}", by="desk")
    except fl.FlowledgerError as error:
        _note(journal, error)
        return False
    return True


def _answer_all(ledger: fl.Ledger, journal: Journal) -> None:
    try:
        for wait in ledger.history.waits(node=ASKED, limit=200):
            _answer(ledger, journal, wait)
    except fl.StorageUnavailable as error:
        _note(journal, error)


def _answer(ledger: fl.Ledger, journal: Journal, wait: fl.WaitSummary) -> None:
    try:
        ledger.runs.resume(wait.run_id, payload="yes", wait=wait.id, by="desk")
    except fl.FlowledgerError as error:
        _note(journal, error, wait.run_id)


def _note(journal: Journal, error: fl.FlowledgerError, run: str | None = None) -> None:
    journal.note("refused", error=type(error).__name__, text=str(error)[:300], run=run)


if __name__ == "__main__":
    main(*sys.argv[1:])
