"""``history`` and ``orders``: lists of runs and work orders. ``rebuild``: build the index that they read again."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from .....domain.errors import EventNotReadable, InvalidRequest
from .....projections.index.query import Sort
from .....projections.pagination import Page
from ...presentation.inputs import read_moment, read_version
from ..shared.listing import After, All, Limit, Listing, Out
from ..shared.options import AsCsv, AsJson, OfWorkflow, Since, Until
from ..shared.progress import progress_bar
from ..shared.run_filters import ListFilters, takes_run_filters
from ..shared.session import Session
from ..views import lists as list_views

if TYPE_CHECKING:
    from .....projections.runs.summary import RunSummary, WorkOrderSummary

SortedBy = Annotated[
    Sort,
    typer.Option(
        "--sort",
        metavar="ORDER",
        help="started, ended, activity or duration; with - in front the latest or longest first.",
    ),
]
StartedBy = Annotated[str | None, typer.Option("--by", metavar="WHO", help="Started by this actor.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(history)
    app.command()(orders)
    app.command()(rebuild)


@takes_run_filters
def history(
    context: typer.Context,
    *,
    filters: ListFilters,
    version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Of this version of the workflow: a number or a snapshot id.")
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="TIME", help="As runs stood at this time.")] = None,
    sort: SortedBy = "-started",
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="VALUE",
            help="Show this value as well: payload.order_id, 'output[\"score\"].value', metadata.customer. Repeatable.",
        ),
    ] = None,
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List runs, newest first.

    Every filter that is given must hold. Times are ISO 8601, 2026-11, yesterday or 7d (ago), in
    UTC or the zone of --tz.
    """
    from .....projections.runs.summary import RunSummary

    session = Session.of(context)
    chosen = filters.select()
    if version is not None:
        if chosen.version is not None:
            raise InvalidRequest("give --workflow ID@VERSION or --version VERSION, not both")
        chosen = replace(chosen, version=read_version(version))
    moment, columns = read_moment(as_of, "--as-of"), tuple(dict.fromkeys(column or ()))
    of_now = filters.of_now()
    with session.open_ledger() as ledger:

        def page(cursor: str | None) -> Page[RunSummary]:
            return ledger.history.runs(
                **chosen.arguments(),
                **of_now,
                as_of=moment,
                after=cursor,
                limit=limit,
                sort=sort,
                columns=columns,
            )

        listing = Listing(RunSummary, page, after, everything, columns)
        listing.answer(session, as_csv, out, "runs", partial(list_views.print_runs, values=columns))


def orders(
    context: typer.Context,
    workflow_id: OfWorkflow = None,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="pending, running, paused, success, failed, cancelled, rejected."),
    ] = None,
    by: StartedBy = None,
    since: Since = None,
    until: Until = None,
    sort: SortedBy = "-started",
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List work orders, newest first: requests to process one input, each with its runs and retries."""
    from .....projections.runs.summary import WorkOrderSummary

    session = Session.of(context)
    start, end = read_moment(since, "--since"), read_moment(until, "--until")
    with session.open_ledger() as ledger:

        def page(cursor: str | None) -> Page[WorkOrderSummary]:
            return ledger.history.work_orders(workflow_id, state, by, start, end, cursor, limit, sort)

        listing = Listing(WorkOrderSummary, page, after, everything)
        listing.answer(session, as_csv, out, "workOrders", list_views.print_work_orders)


def rebuild(context: typer.Context, _json: AsJson = False) -> None:
    """Build the index that lists read, and the search, again from the events.

    Others may read and write meanwhile; searches find what is there so far. Events that can't be read are named, and
    don't stop the rebuild; a run that begins with one is listed as unreadable.
    """
    session = Session.of(context)
    damaged: list[EventNotReadable] = []
    with session.open_ledger() as ledger:
        with progress_bar("rebuilding the index") as advance:
            moved = ledger.rebuild(advance, left_out=damaged.append)
        with progress_bar("rebuilding the search") as advance:
            ledger.search.rebuild(advance)
    for error in damaged[:MOST_NAMED]:
        print(f"note: {error}", file=sys.stderr)
    more = f"; {len(damaged):,} can't be read, and verify names them" if damaged else ""
    session.answer(
        {"events": moved, "unreadable": len(damaged)},
        lambda console: console.print(f"rebuilt from {moved:,} events{more}", soft_wrap=True),
    )


MOST_NAMED = 20
"""The number of unreadable events that are named on the terminal, at most."""
