"""``timings``: how long the nodes of a workflow take."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .....projections.runs.grouping import Grouping
from ...presentation.console import print_line, table, text
from ...presentation.documents import row_columns, row_values
from ...presentation.history_beginning import tell_beginning
from ...presentation.inputs import read_moment
from ...presentation.streams import WIDTH
from ..shared.options import AsCsv, AsJson, WorkflowId
from ..shared.progress import progress_counter
from ..shared.session import Session

if TYPE_CHECKING:
    from rich.console import Console

    from .....projections.runs.timings import Timings

BAR_WIDTH = 20
"""Columns of the longest bar, where the figures leave that many."""

_FIGURE: dict[str, Any] = {"justify": "right", "no_wrap": True}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(timings)


def timings(
    context: typer.Context,
    workflow_id: WorkflowId,
    by: Annotated[
        Grouping, typer.Option(metavar="version|day", help="A row for each version, or each day.")
    ] = "version",
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Of runs started at this time or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Of runs started before this time.")] = None,
    reproductions: Annotated[bool, typer.Option("--reproductions", help="Also count reproductions and forks.")] = False,
    as_csv: AsCsv = False,
    _json: AsJson = False,
) -> None:
    """Report how long each node takes and waits, how often it fails, and which save made it slower.

    Times are milliseconds, from the recorded steps of all runs. The bars compare the medians of one node.
    """
    session = Session.of(context)
    start, end = read_moment(since, "--since"), read_moment(until, "--until")
    with session.open_ledger() as ledger, progress_counter("runs read") as advance:
        found = ledger.history.timings(
            workflow_id, by, since=start, until=end, reproductions=reproductions, progress=advance
        )
    tell_beginning(found.begins)
    if as_csv:
        from .....projections.runs.timings import NodeTiming

        session.print_csv(row_columns(NodeTiming), map(row_values, found))
    else:
        session.answer(found.to_data(), lambda console: _print_timings(console, found))


def _print_timings(console: Console, timings: Timings) -> None:
    from rich.bar import Bar

    print_line(console, "workflow ", text(timings.workflow_id, "bold"), f", {timings.runs:,} runs, times in ms")
    if not timings.rows:
        console.print("no node has run yet", style="dim")
        return
    slower = {(change.node_id, change.version) for change in timings.changes}
    waiting = ("waited", "p95", "max") if console.width >= WIDTH else ("waited",)
    figures = [(title, _FIGURE) for title in ("steps", "failed", "retried", "median", "p95", "max")]
    lines = table(
        "node",
        *figures,
        ("", {"max_width": BAR_WIDTH}),
        *((title, _FIGURE) for title in waiting),
    )
    for node_id, group in groupby(timings, key=attrgetter("node_id")):
        lines.add_row(text(node_id, "bold"))
        rows = list(group)
        longest = max(row.median for row in rows)
        for row in rows:
            style = "bold red" if (row.node_id, row.group) in slower else ""
            waited = (row.waiting_median, row.waiting_p95, row.waiting_max)
            lines.add_row(
                f"  {row.group}",
                f"{row.count:,}",
                _format_rate(row.failure_rate),
                _format_rate(row.retry_rate),
                text(_format_ms(row.median), style),
                _format_ms(row.p95),
                _format_ms(row.max),
                Bar(longest or 1, 0, row.median, color="red" if style else "cyan"),
                *map(_format_ms, waited[: len(waiting)]),
            )
    console.print(lines)
    for change in timings.changes:
        print_line(console, text(str(change), "red"))


def _format_rate(rate: float) -> str:
    return f"{rate:.1%}" if rate else ""


def _format_ms(milliseconds: float) -> str:
    return f"{milliseconds:,.1f}"
