"""``backup``: a copy of the whole store."""

from pathlib import Path
from typing import Annotated

import typer

from ...presentation.console import print_line
from ...presentation.documents import row_document
from ..shared.options import AsJson
from ..shared.progress import progress_bar
from ..shared.session import DEFAULT_STORE, Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backup)


def backup(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The copy: one file, which is a store itself.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    _json: AsJson = False,
) -> None:
    """Copy the store while others use it.

    For SQLite: the copy holds all that was stored when the command began, is checked, and appears when it is complete.
    A copy made by other means may lack what is in the -wal file beside the store, and nothing would show it. For
    PostgreSQL the command prints the commands to use.
    """
    from ....transfer.backup import back_up_at

    session = Session.of(context)
    with progress_bar("copying") as advance:
        report = back_up_at(session.store or DEFAULT_STORE, Path(file), force=force, progress=advance)
    session.answer(
        row_document(report),
        lambda console: print_line(
            console, f"{report.events:,} events in {report.streams:,} streams, {report.bytes:,} bytes in {file}"
        ),
        written=file,
    )
