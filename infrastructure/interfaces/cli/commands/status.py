"""``status``: workers, what is to be done, what is late, and whether all is well."""

from __future__ import annotations

from typing import Annotated

import typer

from .....domain.errors import InvalidRequest
from ..shared.options import AsJson
from ..shared.session import Session
from ..views import status as views


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(
    context: typer.Context,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Print it as Prometheus reads it, for a textfile collector or /metrics.")
    ] = False,
    health: Annotated[
        bool, typer.Option("--health", help="Only check whether the store answers and its index is of this release.")
    ] = False,
    worker: Annotated[
        str | None, typer.Option("--worker", metavar="NAME", help="With --health: also that a worker of it lives.")
    ] = None,
    _json: AsJson = False,
) -> None:
    """Show how the store stands: workers, runs that haven't ended, what is late, what nobody can do.

    With --health the exit status is 1 where a check fails.
    """
    session = Session.of(context)
    if metrics and (health or session.json):
        raise InvalidRequest("--metrics is a form of its own: give it without --health and --json")
    if worker is not None and not health:
        raise InvalidRequest("--worker is part of a health check: give --health, too")
    with session.open_ledger() as ledger:
        if health:
            checked = ledger.health(worker)
            session.exit_code = 0 if checked.ok else 1
            session.answer(checked.to_data(), lambda console: views.print_health(console, checked))
            return
        shown = ledger.status()
    if metrics:
        from .....projections.status.prometheus import metrics_text

        session.stdout.write(metrics_text(shown))
        return
    session.answer(shown.to_data(), lambda console: views.print_status(console, shown))
