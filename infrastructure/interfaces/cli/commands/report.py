"""``report``: a run as one file, to attach to a ticket."""

from pathlib import Path
from typing import Annotated

import typer

from .....domain.errors import InvalidRequest
from ....files.atomic import check_writable, write_file
from ...presentation.console import print_line
from ...presentation.zone import zone
from ..shared.options import AsJson
from ..shared.session import Session
from ..shared.short_ids import find_run


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file: HTML, readable without a server.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    _json: AsJson = False,
) -> None:
    """Write a run as one file for a ticket: what its page shows, without scripts, asking for nothing.

    Values from globals stay masked. Digests of the run's events, its definition, its code and its audit are in it; the
    audit command tells the same ones. Of a run with an event that can't be read, the file has what was before it, and
    the command exits with 1. Needs the extra web.
    """
    session = Session.of(context)
    try:
        from ...web.pages.report import draw_report, load_report
    except ModuleNotFoundError as error:
        raise InvalidRequest(f"report needs {error.name}: pip install 'flowledger[web]'") from None
    place = Path(file)
    check_writable(place, replace=force)
    with session.open_ledger() as ledger:
        made = load_report(ledger, find_run(ledger, run), zone(), str(zone()))
    content = draw_report(made)
    write_file(place, content, replace=force)
    if made.page.damage is not None or made.audit is None or not made.audit.provenance.ok:
        session.exit_code = 1
    document = {
        "runId": made.run_id,
        "version": made.page.head,
        "file": file,
        "bytes": len(content),
        "auditDigest": None if made.audit is None else made.audit.digest,
        "unreadable": None if made.page.damage is None else str(made.page.damage),
    }
    said = "" if made.page.damage is None else f"; {made.page.damage}"
    session.answer(
        document,
        lambda console: print_line(console, f"run {made.run_id} up to version {made.page.head:,} in {file}{said}"),
        written=file,
    )
