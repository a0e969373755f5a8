"""Printing lists of steps, groups of failures, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...presentation.console import clock_time, print_line, status_text, table, text
from .lists import WHOLE_ID, is_narrow, print_end_of_list, print_list, stack

if TYPE_CHECKING:
    from rich.console import Console

    from .....projections.counts import Count
    from .....projections.steps.summary import FailureGroup, StepSummary


def print_steps(console: Console, rows: Sequence[StepSummary], following: str | None) -> None:
    """Print an attempt in one line, or in two on a narrow console."""
    narrow = is_narrow(console)
    lines = (
        table(("run", WHOLE_ID), "node", "outcome")
        if narrow
        else table("began", ("run", WHOLE_ID), "workflow", "node", "outcome", ("took", {"justify": "right"}), "message")
    )
    for step in rows:
        began, id = clock_time(step.started_at), text(f"{step.run_id}@{step.version}")
        node = text(step.node_id, "bold")
        if step.attempt > 1:
            node.append(f" #{step.attempt}", "")
        workflow = text(f"{step.workflow_id}@{step.workflow_version}")
        outcome = status_text(step.status)
        if step.error_type is not None:
            outcome.append_text(text(f" {step.error_type}", "red"))
        if step.taken:
            outcome.append(" (not executed)", "dim")
        took, message = f"{step.execution_time:,.1f} ms", text(step.message or "", "dim")
        if narrow:
            lines.add_row(stack(id, f"{began} {took}"), stack(node, workflow), stack(outcome, message))
        else:
            lines.add_row(began, id, workflow, node, outcome, took, message)
    print_list(console, lines, "no step", following)


def print_failures(console: Console, rows: Sequence[FailureGroup], following: str | None) -> None:
    """Print a group of failures in three lines: how many of what, when, and an example."""
    for group in rows:
        where = text(group.workflow_id if group.node_id is None else f"{group.workflow_id} {group.node_id}", "bold")
        print_line(console, text(f"{group.count:,} × ", "bold"), where, " ", text(group.error_type or "", "red"))
        print_line(console, "  ", text(group.message))
        first, last = clock_time(group.first_seen), clock_time(group.last_seen)
        seen = f"at {first}" if first == last else f"{first} to {last}"
        print_line(console, text(f"  {seen}, since version {group.first_version}", "dim"))
        runs = f"{group.retryable:,} to retry" + (f", {group.retried:,} retried" if group.retried else "")
        print_line(console, text(f"  {group.example}@{group.example_version}, {runs}", "dim"))
        print_line(console, text(f"  group {group.id}", "dim"))
    print_end_of_list(console, len(rows), "nothing failed", following)


def print_counts(console: Console, group: str, rows: Sequence[Count]) -> None:
    """Print counts, a line each, as the list sorts them."""
    lines = table(group.replace("_", " "), ("runs", {"justify": "right", "no_wrap": True}))
    for count in rows:
        lines.add_row(status_text(str(count.value)) if group == "status" else text(count.value), f"{count.count:,}")
    print_list(console, lines, "no runs", None)
