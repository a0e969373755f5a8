"""``timings``: how long the nodes of a workflow take."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated

import typer

from ...projections.timings import Grouping, NodeTiming, Timings
from .documents import row_columns, row_document
from .drawing import bar
from .inputs import read_moment
from .options import AsCsv, AsJson, WorkflowId
from .progress import counting
from .session import Session
from .views import say, table, text

if TYPE_CHECKING:
    from rich.console import Console

BAR = 20
"""Columns of the longest bar."""


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
    reproductions: Annotated[bool, typer.Option("--reproductions", help="Count runs that repeat others too.")] = False,
    as_csv: AsCsv = False,
    _json: AsJson = False,
) -> None:
    """Tell how long each node takes and waits, how often it fails, and which save made it slower.

    Milliseconds, from the recorded steps of all runs. The bars compare the medians of one node.
    """
    session = Session.of(context)
    start, end = read_moment(since, "--since"), read_moment(until, "--until")
    with session.ledger() as ledger, counting("runs read") as tell:
        found = ledger.history.timings(
            workflow_id, by, since=start, until=end, reproductions=reproductions, progress=tell
        )  # fmt: skip
    if as_csv:
        session.print_csv(row_columns(NodeTiming), map(row_document, found))
    else:
        session.answer(found.to_data(), lambda console: _show(console, found))


def _show(console: Console, shown: Timings) -> None:
    say(console, "workflow ", text(shown.workflow_id, "bold"), f", {shown.runs:,} runs, times in ms")
    if not shown.rows:
        console.print("no node has run yet", style="dim")
        return
    slower = {(change.node_id, change.version) for change in shown.changes}
    right = {"justify": "right"}
    lines = table(
        "node", shown.by, ("steps", right), ("failed", right), ("retried", right), ("median", right),
        ("p95", right), ("max", right), ("", {"no_wrap": True}), ("waited", right), ("p95", right),
    )  # fmt: skip
    for node_id, group in groupby(shown, key=attrgetter("node_id")):
        rows = list(group)
        longest = max(row.median for row in rows)
        for place, row in enumerate(rows):
            style = "bold red" if (row.node_id, row.group) in slower else ""
            lines.add_row(
                text(node_id if place == 0 else "", "bold"), str(row.group), f"{row.count:,}", _rate(row.failure_rate),
                _rate(row.retry_rate), text(_figure(row.median), style), _figure(row.p95), _figure(row.max),
                text(bar(row.median / longest if longest else 0, BAR), style or "cyan"),
                _figure(row.waiting_median), _figure(row.waiting_p95),
            )  # fmt: skip
    console.print(lines)
    for change in shown.changes:
        say(console, text(str(change), "red"))


def _rate(rate: float) -> str:
    return f"{rate:.1%}" if rate else ""


def _figure(milliseconds: float) -> str:
    return f"{milliseconds:,.1f}"
