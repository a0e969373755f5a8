"""``waits``: what runs wait for that somebody must answer."""

from typing import Annotated

import typer

from .....projections.pagination import Page
from ...presentation.inputs import read_moment
from ..shared.listing import After, All, Limit, Listing, Out
from ..shared.options import AsCsv, AsJson, OfWorkflow
from ..shared.session import Session
from ..views import lists as list_views


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(waits)


def waits(
    context: typer.Context,
    workflow_id: OfWorkflow = None,
    node: Annotated[str | None, typer.Option(metavar="NODE", help="Asked by this node.")] = None,
    due_before: Annotated[
        str | None, typer.Option("--due-before", metavar="TIME", help="With a deadline before this time.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List what runs wait for that somebody must answer, oldest question first.

    Answer one with run resume RUN --wait WAIT.
    """
    from .....projections.runs.open_waits import WaitSummary

    session = Session.of(context)
    due = read_moment(due_before, "--due-before")
    with session.open_ledger() as ledger:

        def page(cursor: str | None) -> Page[WaitSummary]:
            return ledger.history.waits(workflow_id, node, due, after=cursor, limit=limit)

        Listing(WaitSummary, page, after, everything).answer(session, as_csv, out, "waits", list_views.print_waits)
