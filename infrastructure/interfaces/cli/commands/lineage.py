"""``lineage``: the runs that a run comes from, and those that came from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ...presentation.console import clock_time, status_text, text
from ..shared.options import AsJson, RunId
from ..shared.session import Session
from ..shared.short_ids import find_run

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    from .....projections.runs.lineage import Lineage, Relative


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(lineage)


def lineage(context: typer.Context, run_id: RunId, _json: AsJson = False) -> None:
    """Show the runs that a run comes from, and those that came from it, as a tree.

    Retries, reproductions and forks are shown with the version of the run that they begin with.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger:
        shown = ledger.history.lineage(find_run(ledger, run_id))
    session.answer(shown.to_data(), lambda console: _print_tree(console, shown))


def _print_tree(console: Console, lineage: Lineage) -> None:
    from rich.tree import Tree

    branches: dict[str | None, Tree] = {}
    for relative in (*lineage.ancestors, lineage.run, *lineage.descendants):
        label = _label(relative, here=relative is lineage.run)
        source = branches.get(relative.source)
        branches[relative.run_id] = Tree(label) if source is None else source.add(label)
    console.print(next(iter(branches.values())))


def _label(relative: Relative, *, here: bool) -> Text:
    from rich.text import Text

    at = f" at version {relative.source_version}" if relative.source_version else ""
    return Text.assemble(
        text(relative.run_id, "bold" if here else ""),
        " ",
        status_text(relative.status),
        text(f"  {relative.kind}{at}, workflow version {relative.workflow_version}, by {relative.by}"),
        text(f" {clock_time(relative.started_at)}", "dim"),
        text("  ← this run" if here else "", "bold"),
    )
