"""``audit``: the report of a run with everything that it takes to defend it."""

from pathlib import Path
from typing import Annotated

import typer

from ....files.atomic import write_file
from ...presentation.documents import to_json
from ...presentation.inputs import read_moment
from ..shared.options import AsJson, At
from ..shared.session import Session
from ..shared.short_ids import find_run_at


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN[@VERSION]", help="The run; by default as it is now.")],
    at: At = None,
    full: Annotated[bool, typer.Option("--full", help="Print values, sources and tracebacks unabridged.")] = False,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the whole audit to this file as JSON, or no file at all.")
    ] = None,
    _json: AsJson = False,
) -> None:
    """Report everything about a run: who, what, when, with which code and input, and the proof.

    The report has each execution with its times, the pauses and who ended them, what changed in the workflow since its
    last success, and where in the store all of it comes from. Exits with 1 if an event isn't as it was written.
    """
    from ..views import audit as audit_views

    session = Session.of(context)
    moment = read_moment(at)
    with session.open_ledger() as ledger:
        run_id, version = find_run_at(ledger, run)
        found = ledger.history.audit(run_id, version=version, at=moment)
    if not found.provenance.ok:
        session.exit_code = 1
    document = found.to_data()
    if out is not None:
        write_file(Path(out), f"{to_json(document)}\n".encode())
    session.answer(document, lambda console: audit_views.print_audit(console, found, full=full), written=out)
