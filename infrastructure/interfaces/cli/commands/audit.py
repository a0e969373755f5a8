"""``audit``: the report of a run with everything that it takes to defend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .....domain.errors import InvalidRequest
from .....domain.values.brief import brief
from .....domain.visible import quoted
from ....files.atomic import write_file
from ...presentation.documents import to_json
from ...presentation.inputs import read_moment, read_object
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
    check: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Compare an audit that --out has written, here or elsewhere, with the store."
        ),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Report everything about a run: who, what, when, with which code and input, and the proof.

    The report has each execution with its times, the pauses and who ended them, what changed in the workflow since its
    last success, and where in the store all of it comes from. Exits with 1 if an event isn't as it was written.

    With --check: says whether a filed audit is what the store says of the run at that version, which it also is after
    an export, import, dump or restore; exits with 1 if it isn't.
    """
    from ..views import audit as audit_views

    session = Session.of(context)
    if (run is None) == (check is None) or (check and (at or out or full)):
        raise InvalidRequest("give a run, or --check FILE and nothing else")
    if check is not None:
        _check_filed(session, check)
        return
    assert run is not None  # noqa: S101 - one of both was given
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


def _check_filed(session: Session, file: str) -> None:
    from .....projections.audit.filed import differences, is_as_filed
    from ...presentation.console import print_line

    filed = read_object(file, "--check")
    run_id, version = filed.get("runId"), filed.get("version")
    if not isinstance(run_id, str) or type(version) is not int:
        raise InvalidRequest(f"{quoted(file)} is no audit: `flowledger audit RUN --out FILE` writes one")
    is_whole = is_as_filed(filed)
    with session.open_ledger() as ledger:
        now = ledger.history.audit(run_id, version=version)
    found = list(differences({key: value for key, value in filed.items() if key != "digest"}, now.to_data()))
    if found or not is_whole or not now.provenance.ok:
        session.exit_code = 1
    document = {
        "ok": not session.exit_code,
        "runId": run_id,
        "version": version,
        "digestFits": is_whole,
        "eventsFit": now.provenance.ok,
        "differences": [{"place": place, "filed": before, "stored": after} for place, before, after in found],
    }

    def show(console: Console) -> None:
        told = "is what the store says" if document["ok"] else "is not what the store says, or was changed"
        print_line(console, f"the audit of run {run_id}@{version} {told}")
        if not is_whole:
            print_line(console, "its digest is not that of the rest of it: the file was changed")
        for finding in now.provenance.findings:
            print_line(console, f"{finding.stream} event {finding.version}: {finding.message}")
        for place, before, after in found:
            print_line(console, f"{place}: filed {brief(before)}, stored {brief(after)}")

    session.answer(document, show)
