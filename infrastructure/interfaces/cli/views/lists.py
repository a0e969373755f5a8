"""Lists of runs and work orders, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...presentation.console import clock_time, say, status_text, table, text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from .....projections.runs.summary import RunSummary, WorkOrderSummary

_STATES = {"success": "completed", "running": "active", "pending": "active", "rejected": "failed"}
_ID = {"no_wrap": True}

ONE_LINE = 140
"""Columns that a time, an id and the rest take in one line."""


def runs(console: Console, shown: Sequence[RunSummary], following: str | None) -> None:
    """A run in one line, or in two where one is too long: since when, of which version, how and where it stands."""
    lines = _columns(
        console,
        ("run", "workflow", "status"),
        "started",
        ("run", _ID),
        "workflow",
        "status",
        "node",
        "error",
        "by",
        "took",
    )
    for run in shown:
        began, id, workflow = (
            clock_time(run.started_at),
            text(run.id),
            text(f"{run.workflow_id}@{run.workflow_version}"),
        )
        took = "" if run.finished_at is None else f"{(run.finished_at - run.started_at).total_seconds():.3f} s"
        status = status_text(run.status)
        if run.origin is not None:
            status.append(f" ({run.origin})", "dim")
        node, error, by = text(run.node_id or ""), text(run.error_type or "", "red"), text(run.by)
        if _is_narrow(console):
            lines.add_row(_over(id, f"{began} {took}"), _over(workflow, by), _over(status, node, " ", error))
        else:
            lines.add_row(began, id, workflow, status, node, error, by, took)
    _print(console, lines, "no runs", following)


def work_orders(console: Console, shown: Sequence[WorkOrderSummary], following: str | None) -> None:
    """A work order in one line or two: since when, how it stands, how many runs it took."""
    lines = _columns(
        console,
        ("work order", "workflow", "state"),
        "opened",
        ("work order", _ID),
        "workflow",
        "state",
        "runs",
        "by",
        "reason",
    )
    for order in shown:
        opened, id, workflow = clock_time(order.opened_at), text(order.id), text(order.workflow_id)
        state = status_text(_STATES.get(order.state, order.state))
        state.plain = order.state
        by, reason = text(order.by), text(order.reason or "", "red")
        if _is_narrow(console):
            state.append(f", {order.runs} run{'s' * (order.runs != 1)}", "dim")
            lines.add_row(_over(id, opened), _over(workflow, by), _over(state, reason))
        else:
            lines.add_row(opened, id, workflow, state, str(order.runs), by, reason)
    _print(console, lines, "no work orders", following)


def _is_narrow(console: Console) -> bool:
    return console.width < ONE_LINE


def _columns(console: Console, narrow: tuple[str, str, str], *wide: str | tuple[str, dict[str, Any]]) -> Table:
    first, *others = narrow
    return table((first, _ID), *others) if _is_narrow(console) else table(*wide)


def _over(upper: Text, *lower: str | Text) -> Text:
    """Two lines of one cell."""
    from rich.text import Text

    return Text.assemble(upper, "\n", *lower)


def _print(console: Console, lines: Table, none: str, following: str | None) -> None:
    if lines.row_count:
        console.print(lines)
    end_of_list(console, lines.row_count, none, following)


def end_of_list(console: Console, rows: int, none: str, following: str | None) -> None:
    """Below a list: that it is empty, or how it goes on."""
    if not rows:
        console.print(none, style="dim")
    if following is not None:
        say(console, text(f"more: --after {following}", "dim"))
