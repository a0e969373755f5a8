"""Printing attempts, groups of failures and counts as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...presentation.console import clock_time, print_line, status_text, table, text
from .lists import print_end_of_list, print_work_orders

if TYPE_CHECKING:
    from rich.console import Console

    from .....projections.counts import Count
    from .....projections.runs.summary import WorkOrderSummary
    from .....projections.steps.summary import FailureGroup, StepSummary

_NUMBER = {"justify": "right"}
_ID = {"no_wrap": True}


def print_steps(console: Console, rows: Sequence[StepSummary], following: str | None) -> None:
    """Print two lines for each attempt, the run's id alone in the second, so that no id is broken."""
    lines = table(("began", _ID), "node", "status", ("took", _NUMBER), "error")
    for step in rows:
        node = text(step.node_id if step.attempt == 1 else f"{step.node_id} (attempt {step.attempt})")
        told = text("" if step.error_type is None else f"{step.error_type}: {step.message or ''}", "red", limit=200)
        took = f"{step.execution_time / 1000:.3f} s"
        lines.add_row(clock_time(step.started_at), node, status_text(step.status), took, told)
        lines.add_row(text(f"{step.run_id}@{step.version}", "dim"), "", "", "", "")
    if rows:
        console.print(lines)
    print_end_of_list(console, len(rows), "no steps", following)


def print_failures(
    console: Console,
    rows: Sequence[FailureGroup],
    following: str | None,
    rejected: Sequence[WorkOrderSummary] = (),
) -> None:
    """Print a group in three lines: what fails, since when, and its ids; then work orders that were rejected."""
    lines = table(("runs", _NUMBER), "failure")
    for group in rows:
        error = "" if group.error_type is None else f"{group.error_type}: "
        where = group.workflow_id if group.node_id is None else f"{group.workflow_id}, {group.node_id}"
        lines.add_row(str(group.count), text(f"{where}: {error}{group.message}", limit=None))
        since = (
            f"since version {group.first_version}, {clock_time(group.first_seen)}; last {clock_time(group.last_seen)}"
        )
        lines.add_row("", text(f"{since}; {group.retryable} can be retried", "dim"))
        lines.add_row("", text(f"group {group.id}, run {group.example}@{group.example_version}", "dim"))
    if rows:
        console.print(lines)
    print_end_of_list(console, len(rows), "no failures", following)
    if rejected:
        print_line(console, "rejected at the start, so they have no run (all: flowledger orders --state rejected):")
        print_work_orders(console, rejected, None)


def print_counts(console: Console, group: str, rows: Sequence[Count]) -> None:
    """Print a line for each value."""
    lines = table(("runs", _NUMBER), group)
    for count in rows:
        shown = status_text(str(count.value)) if group == "status" else text(count.value)
        lines.add_row(f"{count.count:,}", shown)
    if rows:
        console.print(lines)
    print_end_of_list(console, len(rows), "no runs", None)
