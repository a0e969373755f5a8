"""A small worker: looks for what is due in lists, and goes on with it."""

from typing import Any

import flowledger as fl

from .faults import LEASE
from .scheduler import SECOND

POLL = 2 * SECOND


def work(process: Any) -> None:
    """For ever."""
    world, ledger = process.world, process.ledger
    while True:
        try:
            due = find_due(ledger, world.now())
        except fl.StorageUnavailable:
            due = []
        for run_id in due:
            try:
                ledger.runs.proceed(run_id, by=process.name)
            except (fl.Conflict, fl.IllegalTransition, fl.StorageUnavailable):
                continue
        world.scheduler.sleep(POLL)


def find_due(ledger: fl.Ledger, now: int) -> list[str]:
    """The ids of runs that somebody should go on with; a run that was silent for a lease has lost its process."""
    found: list[str] = []
    for summary in ledger.history.runs(limit=200).items:
        if summary.status in ("completed", "failed", "cancelled"):
            continue
        run = ledger.runs.get(summary.id)
        if run.held is not None:
            continue
        if is_due(run, now):
            found.append(run.id)
    return found


def is_due(run: fl.Run, now: int) -> bool:
    due_at = None if run.next_due_at is None else round(run.next_due_at.timestamp() * SECOND)
    if run.status == "active":
        touched = run.snapshot.last_started_at
        return touched is None or now > round(touched.timestamp() * SECOND) + LEASE
    return due_at is not None and due_at <= now
