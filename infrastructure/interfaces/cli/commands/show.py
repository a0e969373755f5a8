"""Commands that read: ``show``, ``events``, ``verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...presentation import console as views
from ...presentation.documents import event_document, report_document
from ...presentation.inputs import read_moment, split_version
from ..shared.options import AsJson, At
from ..shared.progress import progress_counter
from ..shared.session import Session

if TYPE_CHECKING:
    from rich.console import Console


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
    """Show a run: now, at a version, as of a time."""
    session = Session.of(context)
    run_id, version = split_version(run)
    moment = read_moment(at)
    with session.open_ledger() as ledger:
        snapshot = ledger.history.snapshot(run_id, version=version, at=moment)
        now = ledger.runs.get(run_id) if version is None and moment is None else None

    def print_it(console: Console) -> None:
        views.print_snapshot(console, run_id, snapshot)
        if now is not None:
            views.print_what_it_waits_for(console, now)

    session.answer(snapshot.to_data(), print_it)


def events(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run; or any stream, such as workflow:ID.")],
    _json: AsJson = False,
) -> None:
    """List the events of a run.

    One line each: who, when, which node, how long it took, and what it did.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger:
        recorded = list(ledger.history.events(run))
    session.answer(
        [event_document(event) for event in recorded], lambda console: views.print_events(console, run, recorded)
    )


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
