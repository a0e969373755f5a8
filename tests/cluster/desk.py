"""Who starts the runs and answers their questions: ``python -m tests.cluster.desk URL FOLDER NAME LEASE RUNS [RATE]``.

All runs are started at once, or so many a second.
"""

import logging
import sys
import time

import flowledger as fl

from .process import opened, told_to_stop
from .workload import ASKED, WORKFLOW, definition


def main(url: str, folder: str, name: str, lease: str, runs: str, rate: str = "inf") -> None:
    with opened(url, folder, name, float(lease)) as ledger:
        while not _saved(ledger):
            told_to_stop.wait(0.1)
        began, numbers = time.monotonic(), list(range(int(runs)))
        while not told_to_stop.is_set():
            due = (time.monotonic() - began) * float(rate)
            # Who doesn't know whether a run was started starts it again, by the same key.
            numbers = [number for number in numbers if number > due or not _started(ledger, number)]
            _answer_all(ledger)
            told_to_stop.wait(0.05)


def _saved(ledger: fl.Ledger) -> bool:
    try:
        ledger.workflows.save(definition(), workflow_id=WORKFLOW)
    except fl.StorageUnavailable as error:
        _note(error)
        return False
    return True


def _started(ledger: fl.Ledger, number: int) -> bool:
    try:
        ledger.runs.start(WORKFLOW, wait=False, idempotency_key=f"run {number}", by="desk")
    except fl.FlowledgerError as error:
        _note(error)
        return False
    return True


def _answer_all(ledger: fl.Ledger) -> None:
    try:
        for wait in ledger.history.waits(node=ASKED, limit=200):
            _answer(ledger, wait)
    except fl.StorageUnavailable as error:
        _note(error)


def _answer(ledger: fl.Ledger, wait: fl.WaitSummary) -> None:
    try:
        ledger.runs.resume(wait.run_id, payload="yes", wait=wait.id, by="desk")
    except fl.FlowledgerError as error:
        _note(error)


def _note(error: fl.FlowledgerError) -> None:
    """It is tried again; the journal has it as it has what workers log."""
    _log.warning("%s: %s", type(error).__name__, error)


_log = logging.getLogger("flowledger.desk")


if __name__ == "__main__":
    main(*sys.argv[1:])
