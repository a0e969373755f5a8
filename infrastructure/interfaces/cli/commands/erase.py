"""``flowledger erase``: all that runs recorded of a subject."""

from typing import Annotated

import typer

from ...presentation.documents import row_document
from ..shared.asking import Yes, can_ask
from ..shared.options import AsJson, By, Reason
from ..shared.session import Session
from ..views.erasure import print_erasure


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(erase)


def erase(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="As its runs were started with --subject.")],
    by: By,
    reason: Reason = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be erased, and where, and do nothing.")] = (
        False
    ),
    yes: Yes = False,
    _json: AsJson = False,
) -> None:
    """Destroy the key of a subject: nobody can read any more what its runs have recorded. It can't be undone.

    The log stays as it is and verifies; every view shows <erased DATE>. Runs that haven't ended are cancelled. On a
    terminal it asks first.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger:
        if not dry_run and can_ask(yes):
            would = ledger.erase(subject, by=by, reason=reason, dry_run=True)
            what = f"{would.values:,} values of {len(would.runs):,} runs can't be read by anybody then. Erase them?"
            typer.confirm(what, abort=True, err=True)
        report = ledger.erase(subject, by=by, reason=reason, dry_run=dry_run)
    session.answer(row_document(report), lambda console: print_erasure(console, report))
