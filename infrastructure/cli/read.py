"""Commands that read: ``show``, ``events``, ``verify``."""

from typing import Annotated

import typer

from . import views
from .documents import event_document, report_document
from .inputs import named_version, read_moment
from .options import AsJson, At
from .session import Session


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
    run_id, version = named_version(run)
    moment = read_moment(at)
    with session.ledger() as ledger:
        snapshot = ledger.history.snapshot(run_id, version=version, at=moment)
    session.answer(snapshot.to_data(), lambda console: views.snapshot(console, run_id, snapshot))


def events(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run; or any stream, such as workflow:ID.")],
    _json: AsJson = False,
) -> None:
    """List what happened to a run.

    Event by event: who, when, which node, how long it took, and what it did.
    """
    session = Session.of(context)
    with session.ledger() as ledger:
        recorded = list(ledger.history.events(run))
    session.answer([event_document(event) for event in recorded], lambda console: views.events(console, run, recorded))


def verify(context: typer.Context, _json: AsJson = False) -> None:
    """Check that nobody has touched the records.

    The whole store: every event readable, every chain of digests unbroken, no version missing.
    """
    session = Session.of(context)
    with session.ledger() as ledger:
        report = ledger.verify()
    if not report.ok:
        session.exit_code = 1
    session.answer(report_document(report), lambda console: views.verified(console, report))
