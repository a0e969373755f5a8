"""``flowledger demo``."""

import typer

from .options import AsJson
from .session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(context: typer.Context, _json: AsJson = False) -> None:
    """Tell the whole cycle on a handful of webhooks: run, retry, pause, resume, time travel, audit.

    Uses a new SQLite store, which is kept for the commands to try next; or, with --store, adds workflow
    'demo-triage' and its runs to that store.
    """
    from ..demo.story import tell

    session = Session.of(context)
    summary = tell(session.store, session.console())
    if session.json:
        session.print_json(summary)
    if not summary["ok"]:
        session.exit_code = 1
