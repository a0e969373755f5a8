"""``audit``: the report of a run with everything that it takes to defend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .....domain.errors import InvalidRequest
from .....domain.values.brief import brief
from ....files.atomic import write_file
from ...presentation.documents import row_document, to_json
from ...presentation.inputs import read_moment, read_source
from ..shared.options import AsJson, At
from ..shared.session import Session
from ..shared.short_ids import find_run_at

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    context: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN[@VERSION]", help="The run; by default as it is now.", show_default=False),
    ] = None,
    at: At = None,
    full: Annotated[bool, typer.Option("--full", help="Print values, sources and tracebacks unabridged.")] = False,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the whole audit to this file as JSON, or no file at all.")
    ] = None,
    proof: Annotated[
        bool,
        typer.Option(
            "--proof", help="With what `evidence prove` gives by the last checkpoint: in --json, and in --out."
        ),
    ] = False,
    check: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Compare an audit that --out has written, or a report, here or elsewhere, with the store.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="With --check: the line that keygen printed, or a file with it, for the proof in it."
        ),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Report everything about a run: who, what, when, with which code and input, and the proof.

    The report has each execution with its times, the pauses and who ended them, what changed in the workflow since its
    last success, and where in the store all of it comes from. Exits with 1 if an event isn't as it was written.

    With --check: says whether a filed audit or report is what the store says of the run at that version, which it also
    is after an export, import, dump or restore; exits with 1 if it isn't.
    """
    from ..views import audit as audit_views

    session = Session.of(context)
    if (run is None) == (check is None) or (check and (at or out or full or proof)) or (key and not check):
        raise InvalidRequest("give a run, or --check FILE and nothing else but --key")
    if check is not None:
        _check_filed(session, check, key)
        return
    assert run is not None  # noqa: S101 - one of both was given
    moment = read_moment(at)
    with session.open_ledger() as ledger:
        run_id, version = find_run_at(ledger, run)
        found = ledger.history.audit(run_id, version=version, at=moment, proof=proof)
    if not found.provenance.ok:
        session.exit_code = 1
    document = found.to_data()
    if out is not None:
        write_file(Path(out), f"{to_json(document)}\n".encode())
    session.answer(document, lambda console: audit_views.print_audit(console, found, full=full), written=out)


def _check_filed(session: Session, file: str, key: str | None) -> None:
    from ...presentation.console import print_line

    filed = read_source(file)
    with session.open_ledger() as ledger:
        found = ledger.evidence.check_audit(filed, key)
    if not found.ok:
        session.exit_code = 1

    def show(console: Console) -> None:
        told = "is what the store says" if found.ok else "is not what the store says, or was changed"
        print_line(console, f"the {found.kind} of run {found.run_id}@{found.version} {told}")
        if not found.digest_fits:
            print_line(console, "its digest is not that of the rest of it: the file was changed")
        for finding in found.findings:
            print_line(console, f"{finding.stream} event {finding.version}: {finding.message}")
        for each in found.differences:
            print_line(console, f"{each.place}: filed {brief(each.filed)}, stored {brief(each.stored)}")
        for one in found.uncompared:
            print_line(console, f"not compared: {one}")
        if found.proof is not None:
            holds = {True: "its proof holds", False: "its proof does not hold", None: "its proof"}[found.proof_holds]
            print_line(console, f"{holds}: {found.proof}")

    session.answer({"ok": found.ok, **row_document(found)}, show)
