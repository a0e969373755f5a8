"""Lists of runs and work orders, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .views import clock_time, status_text, table, text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ...projections.run_summary import RunSummary, WorkOrderSummary

_STATES = {"success": "completed", "running": "active", "pending": "active", "rejected": "failed"}
_ID = {"no_wrap": True}


def runs(console: Console, shown: Sequence[RunSummary], following: str | None) -> None:
    """One line a run: since when, of which version, how it stands and where, who started it."""
    lines = table("started", ("run", _ID), "workflow", "status", "node", "error", "by", "took")
    for run in shown:
        took = "" if run.finished_at is None else f"{(run.finished_at - run.started_at).total_seconds():.3f} s"
        status = status_text(run.status)
        if run.origin is not None:
            status.append(f" ({run.origin})", "dim")
        lines.add_row(
            clock_time(run.started_at), text(run.id), text(f"{run.workflow_id}@{run.workflow_version}"), status,
            text(run.node_id or ""), text(run.error_type or "", "red"), text(run.by), took,
        )  # fmt: skip
    _print(console, lines, "no runs", following)


def work_orders(console: Console, shown: Sequence[WorkOrderSummary], following: str | None) -> None:
    """One line a work order: since when, how it stands, how many runs it took."""
    lines = table("opened", ("work order", _ID), "workflow", "state", "runs", "by", "reason")
    for order in shown:
        state = status_text(_STATES.get(order.state, order.state))
        state.plain = order.state
        lines.add_row(
            clock_time(order.opened_at), text(order.id), text(order.workflow_id), state, str(order.runs),
            text(order.by), text(order.reason or "", "red"),
        )  # fmt: skip
    _print(console, lines, "no work orders", following)


def _print(console: Console, lines: Table, none: str, following: str | None) -> None:
    if lines.row_count:
        console.print(lines)
    end_of_list(console, lines.row_count, none, following)


def end_of_list(console: Console, rows: int, none: str, following: str | None) -> None:
    """Below a list: that it is empty, or how it goes on."""
    if not rows:
        console.print(none, style="dim")
    if following is not None:
        console.print(f"more: --after {following}", style="dim", soft_wrap=True)
