"""Commands that read: ``show``, ``events``, ``verify``."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .....domain.errors import RunNotFound, WorkOrderNotFound
from ...presentation import console as views
from ...presentation.documents import event_document, report_document, row_document
from ...presentation.inputs import read_moment
from ..shared.options import AsJson, At
from ..shared.progress import progress_counter
from ..shared.session import Session
from ..shared.short_ids import find_run_or_order, find_run_or_order_at
from ..views.lists import print_end_of_list
from ..views.retention import print_holds_on
from ..views.work_order import print_work_order

if TYPE_CHECKING:
    from rich.console import Console

    from .....projections.runs.work_order import WorkOrder
    from ....ledger.ledger import Ledger


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(show)
    app.command()(events)
    app.command()(verify)


def show(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN[@VERSION]", help="The run; by default as it is now.")],
    at: At = None,
    _json: AsJson = False,
) -> None:
    """Show a run: now, at a version, as of a time. Or a work order, with its runs."""
    session = Session.of(context)
    moment = read_moment(at)
    with session.open_ledger() as ledger:
        run_id, version = find_run_or_order_at(ledger, run)
        if version is None and moment is None and (order := _work_order(ledger, run_id)) is not None:
            session.answer(row_document(order), lambda console: print_work_order(console, order))
            return
        snapshot = ledger.history.snapshot(run_id, version=version, at=moment)
        now = ledger.runs.get(run_id) if version is None and moment is None else None
        holds = () if now is None else ledger.retention.holds(run_id)

    def print_it(console: Console) -> None:
        views.print_snapshot(console, run_id, snapshot)
        if now is not None:
            views.print_what_it_waits_for(console, now)
        print_holds_on(console, run_id, holds)

    session.answer(snapshot.to_data(), print_it)


def _work_order(ledger: Ledger, id: str) -> WorkOrder | None:
    """The work order of this id, where there is no run of it."""
    try:
        ledger.history.header(id)
    except RunNotFound as not_found:
        try:
            return ledger.runs.work_order(id)
        except WorkOrderNotFound:
            raise not_found from None
    return None


def events(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run; or any stream, such as workflow:ID.")],
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="So many, and no more.")] = None,
    after: Annotated[int, typer.Option(min=0, metavar="VERSION", help="Those behind this version.")] = 0,
    _json: AsJson = False,
) -> None:
    """List the events of a run.

    One line each: who, when, which node, how long it took, and what it did.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger:
        stream = find_run_or_order(ledger, run)
        behind = (event for event in ledger.history.events(stream) if event.version > after)
        recorded = list(islice(behind, limit))
        goes_on = next(behind, None) is not None

    def print_them(console: Console) -> None:
        views.print_events(console, stream, recorded)
        print_end_of_list(console, len(recorded), "no events", str(recorded[-1].version) if goes_on else None)

    session.answer([event_document(event) for event in recorded], print_them)


def verify(
    context: typer.Context,
    heads: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare with the heads kept in this file; write it if it is new, or if nothing was found.",
        ),
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Also compare the search index. Takes longer.")] = False,
    _json: AsJson = False,
) -> None:
    """Check that the records are as they were written, and don't contradict each other.

    The whole store is read: every event readable, every hash chain unbroken, no version missing; every run, work order,
    source and version that is referred to exists; index rows and checkpoints are what the events lead to. Others may
    write meanwhile.

    The newest events of a run, or a whole run, can disappear without a trace inside the store: a plain copy of an
    SQLite file without its -wal file looks like an older backup, so copy with flowledger backup. --heads FILE finds
    that: it keeps the last version and digest of every stream, and the next time each stream must still have them. Keep
    the file where people who can change the store can't change it. If anything was found the file stays as it is: move
    it away to begin anew.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger, progress_counter("events verified") as advance:
        report = ledger.verify(advance, deep=deep, heads=heads)
    if not report.ok:
        session.exit_code = 1
    session.answer(
        report_document(report), lambda console: views.print_verify_report(console, report, heads), written=heads
    )
