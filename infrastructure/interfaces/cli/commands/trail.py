"""``trail``: what actors did."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .....projections.pagination import Page
from ...presentation.inputs import read_moment
from ..shared.listing import After, All, Limit, Listing, Out
from ..shared.options import AsCsv, AsJson
from ..shared.session import Session
from ..shared.short_ids import find_run_or_order


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(trail)


def trail(
    context: typer.Context,
    by: Annotated[str | None, typer.Option(metavar="WHO", help="Done by this actor.")] = None,
    stream: Annotated[
        str | None, typer.Option("--on", metavar="STREAM", help="Done to this run or work order, or to workflow:ID.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Done at this time or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Done before this time.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help="workflow, run, work order, bulk action, token: what it was done to; view: who looked."
        ),
    ] = None,
    channel: Annotated[
        str | None, typer.Option(metavar="NAME", help="Done through this, such as web, api or cli.")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Include what each save changed, node by node.")] = False,
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List what actors did to workflows, runs and work orders, newest first.

    That is every event, such as saves, starts, retries, pauses and cancellations, except the steps that follow from
    them.
    """
    from .....projections.runs.audit_trail import Act
    from ..views.acts import ChangingAct, print_acts

    session = Session.of(context)
    filters: dict[str, Any] = {
        "by": by,
        "stream": stream,
        "since": read_moment(since, "--since"),
        "until": read_moment(until, "--until"),
        "kind": kind,
        "channel": channel,
    }
    with session.open_ledger() as ledger:
        if stream is not None:
            filters["stream"] = find_run_or_order(ledger, stream)

        def page(cursor: str | None) -> Page[Any]:
            found = ledger.history.trail(**filters, after=cursor, limit=limit)
            if not diff:
                return found
            return Page(tuple(ChangingAct.of(ledger, act) for act in found), found.next, begins=found.begins)

        Listing(ChangingAct if diff else Act, page, after, everything).answer(session, as_csv, out, "acts", print_acts)
