"""Printing one work order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .....domain.values.brief import brief
from ...presentation.console import clock_time, print_line, text

if TYPE_CHECKING:
    from rich.console import Console

    from .....projections.runs.work_order import WorkOrder


def print_work_order(console: Console, order: WorkOrder) -> None:
    """Print a work order: who opened it and when, its input, and its runs, a line each."""
    print_line(
        console, "work order ", text(order.id, "bold"), " of ", text(order.workflow_id), ": ", text(order.state, "bold")
    )
    print_line(console, text(f"opened by {order.by} at {clock_time(order.opened_at)}"))
    print_line(console, "input ", text(brief(order.input)))
    if order.reason is not None:
        print_line(console, text(order.reason, "red", limit=None))
    for issue in order.issues:
        print_line(console, text(f"  {issue.path}: {issue.message}", "red", limit=None))
    for title, runs in (("run", order.runs), ("reproduction", order.reproductions), ("fork", order.forks)):
        for run_id in runs:
            print_line(console, f"{title} ", text(run_id))
