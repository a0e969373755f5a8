"""Printing workflows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .....domain.values.brief import brief
from ...presentation.console import LAST, clock_time, print_line, table, text

if TYPE_CHECKING:
    from rich.console import Console

    from .....domain.workflow import WorkflowSnapshot, WorkflowVersion
    from .....projections.runs.summary import WorkflowSummary


def print_saved(console: Console, saved: WorkflowSnapshot) -> None:
    """Print the version at which a save left the workflow."""
    print_line(
        console,
        "workflow ",
        text(saved.workflow_id, "bold"),
        f" is at version {saved.version} (",
        text(f"{saved.snapshot_id}, saved by {saved.by} at {clock_time(saved.taken_at)}"),
        ")",
        "" if saved.is_live else ", which is not live",
        " and archived" if saved.archived else "",
    )


def print_released(console: Console, live: WorkflowSnapshot) -> None:
    """Print which version is live."""
    print_line(
        console,
        "workflow ",
        text(live.workflow_id, "bold"),
        f" starts with version {live.version} (",
        text(f"{live.snapshot_id}, saved by {live.by} at {clock_time(live.taken_at)}"),
        ")",
    )


def print_workflow(console: Console, workflow: WorkflowSnapshot) -> None:
    """Print a definition: who saved it and when, the graph as a tree, the nodes."""
    print_line(
        console,
        "workflow ",
        text(workflow.workflow_id, "bold"),
        f" version {workflow.version}",
        "" if workflow.name is None else text(f" {workflow.name!r}"),
        " (latest)" if workflow.is_latest else "",
        text(" (live)", "green") if workflow.is_live else "",
        text(" (archived)", "yellow") if workflow.archived else "",
        text(f", {workflow.snapshot_id}"),
        text(f", saved by {workflow.by} at {clock_time(workflow.taken_at)}"),
    )
    if workflow.message is not None:
        console.print(text(workflow.message, "italic"))
    console.print()
    print_graph(console, workflow)
    console.print()
    nodes = table("node", "type", "executor", ("data", LAST))
    for node in workflow.definition.nodes:
        code = workflow.code.get(node.type)
        executor = f"{code['name']} {code['digest'][:7]}" if code is not None else ""
        nodes.add_row(text(node.id, "bold"), text(node.type), text(executor, "dim"), text(brief(node.data)))
    nodes.expand = True
    console.print(nodes)


def print_graph(console: Console, workflow: WorkflowSnapshot) -> None:
    """Print the graph, from its start."""
    from ...presentation.graph import draw

    for line in draw(workflow.definition):
        console.print(text(line, "cyan"), soft_wrap=True)


def print_workflows(console: Console, rows: Sequence[WorkflowSummary], more: str | None) -> None:
    """Print workflows as a table; ``more`` is the id after which the list continues."""
    if not rows:
        console.print("no workflow", style="dim")
        return
    lines = table(
        "workflow",
        "name",
        ("version", {"justify": "right"}),
        ("live", {"justify": "right"}),
        ("saves", {"justify": "right"}),
        "snapshot",
        "saved by",
        ("saved at", {"no_wrap": True}),
        ("message", LAST),
    )
    lines.expand = True
    for row in rows:
        archived = text(" (archived)", "yellow") if row.archived else text("")
        lines.add_row(
            text(row.id, "bold") + archived,
            text(row.name or ""),
            str(row.saved_version),
            "none" if row.live_version is None else str(row.live_version),
            str(row.saves),
            text(row.snapshot_id),
            text(row.by),
            clock_time(row.taken_at),
            text(row.message or ""),
        )
    console.print(lines)
    if more is not None:
        print_line(console, text(f"more: --after {more!r}", "dim"))


def print_versions(console: Console, workflow_id: str, rows: Sequence[WorkflowVersion]) -> None:
    """Print the versions of a workflow, newest first: who did what, and what it changed."""
    print_line(console, "versions of workflow ", text(workflow_id, "bold"))
    console.print()
    lines = table(
        ("", {"justify": "right"}), "snapshot", ("at", {"no_wrap": True}), "by", "message", ("what changed", LAST)
    )
    lines.expand = True
    for row in reversed(rows):
        live = text("live ", "green") if row.is_live else text("")
        changed = live + text(row.done, "" if row.kind == "saved" else "yellow")
        lines.add_row(
            text(row.version, "bold" if row.is_latest else ""),
            text(row.snapshot_id or ""),
            clock_time(row.taken_at),
            text(row.by),
            text(row.message or "", "italic"),
            changed,
        )
    console.print(lines)


def print_exported(console: Console, written: WorkflowSnapshot, path: str) -> None:
    """Print what was written where."""
    named = f"{written.workflow_id}@{written.version}"
    print_line(console, "workflow ", text(named, "bold"), text(f" ({written.snapshot_id}) is in {path}"))
