"""``trace``: where a run is among the traces of OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...presentation.console import text
from ..shared.options import AsJson
from ..shared.session import Session
from ..shared.short_ids import find_run_at

if TYPE_CHECKING:
    from rich.console import Console

    from .....projections.runs.trace_link import TraceLink


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(trace)


def trace(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN[@VERSION]", help="The run, or one of its events.")],
    _json: AsJson = False,
) -> None:
    """Show the ids of a run's trace, and of the span of the run or one of its events.

    They are derived from the run's id, so there are some whether or not spans were sent.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger:
        run_id, version = find_run_at(ledger, run)
        link = ledger.history.trace(run_id, version)
    session.answer(link.to_data(), lambda console: _print(console, link))


def _print(console: Console, link: TraceLink) -> None:
    console.print(text(f"trace       {link.trace_id}"))
    console.print(text(f"span        {link.span_id}"))
    if link.started_in is not None:
        console.print(text(f"started in  {link.started_in}"))
