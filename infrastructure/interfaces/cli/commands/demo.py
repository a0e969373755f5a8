"""``flowledger demo``."""

import typer

from ..shared.options import AsJson
from ..shared.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(context: typer.Context, _json: AsJson = False) -> None:
    """Run a demonstration on a few webhooks, and explain each step.

    It shows runs, a retry, decisions from other processes, time travel, an audit. It uses a new SQLite store, which is
    kept for the commands to try next. With --store (FLOWLEDGER_STORE doesn't count here) it adds workflow 'demo-triage'
    and its runs to that store, for good.
    """
    from ..demo.story import run_demo

    session = Session.of(context)
    # What the demo writes can't be undone, so it never writes to a store that only the environment names.
    chosen = session.store if "store" in session.named else None
    summary = run_demo(chosen, session.console())
    if session.json:
        session.print_json(summary)
    if not summary["ok"]:
        session.exit_code = 1
