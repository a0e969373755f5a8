"""Printing how a store stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ...presentation.console import clock_time, print_line, table, text

if TYPE_CHECKING:
    from rich.console import Console

    from .....projections.status.model import Health, Status
    from .....projections.workers.status import WorkerStatus


def print_status(console: Console, status: Status) -> None:
    """Print sums first, then what is wrong, then a line for each workflow and each worker."""
    backlog = status.backlog
    print_line(
        console,
        f"{backlog.queued} queued, {backlog.due} due, {backlog.running} running, "
        f"{backlog.waiting} waiting, {backlog.held} held; {status.recoveries} recovered so far",
    )
    if status.oldest_due_at is not None:
        print_line(console, f"the oldest has been due for {_ago(status.at, status.oldest_due_at)}")
    for trouble in _troubles(status):
        print_line(console, text(trouble, "red"))
    if status.search_behind:
        print_line(console, f"the search is {status.search_behind:.1f} s behind")
    if status.pool is not None:
        pool = status.pool
        print_line(console, f"connections: {pool.in_use} of {pool.size} in use, {pool.waiting} threads wait for one")
    _print_workflows(console, status)
    _print_workers(console, status)


def print_health(console: Console, health: Health) -> None:
    """Print a line for each check."""
    for check in health.checks:
        print_line(
            console,
            text("ok   " if check.ok else "fail ", "green" if check.ok else "red"),
            check.name,
            ": ",
            text(check.message),
        )


def _troubles(status: Status) -> list[str]:
    found: list[str] = []
    if status.lost:
        found.append(f"{status.lost} lost: their workers are gone, and nobody has taken them over yet")
    if status.unowned:
        found.append(f"{status.unowned} unowned: nobody is known to execute them; run proceed goes on with them")
    found += [
        f"{each.due} due of {each.workflow_id}@{each.workflow_version}: {each.reason}" for each in status.stranded
    ]
    return found


def _print_workflows(console: Console, status: Status) -> None:
    if not status.workflows:
        print_line(console, text("no runs that haven't ended", "dim"))
        return
    right = {"justify": "right"}
    lines = table(
        "workflow", *((name, right) for name in ("queued", "due", "running", "waiting", "held", "lost", "oldest due"))
    )
    for each in status.workflows:
        backlog = each.backlog
        numbers = (backlog.queued, backlog.due, backlog.running, backlog.waiting, backlog.held, each.lost)
        oldest = "" if each.oldest_due_at is None else _ago(status.at, each.oldest_due_at)
        lines.add_row(text(f"{each.workflow_id}@{each.workflow_version}"), *map(str, numbers), oldest)
    console.print(lines)


def _print_workers(console: Console, status: Status) -> None:
    if not status.workers:
        print_line(console, text("no workers", "dim"))
        return
    lines = table("worker", "host", "runs", "state", "seen", "release")
    for worker in status.workers:
        most = "" if worker.concurrency is None else f" of {worker.concurrency}"
        lines.add_row(
            text(worker.name),
            text(f"{worker.host}:{worker.pid}"),
            f"{len(worker.running)}{most}",
            _state(worker),
            clock_time(worker.last_seen),
            text(worker.release),
        )
    console.print(lines)


def _state(worker: WorkerStatus) -> str:
    if not worker.is_alive:
        return "gone"
    return "works" if worker.is_worker else "its own calls"


def _ago(now: datetime, then: datetime) -> str:
    return str(timedelta(seconds=max(0, round((now - then).total_seconds()))))
