"""``diff``: two versions of a run, or two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from .....domain.errors import InvalidRequest
from ..shared.options import AsJson, RunId
from ..shared.session import Session
from ..shared.short_ids import find_run
from ..views import diff as diff_views

if TYPE_CHECKING:
    from .....projections.comparison.runs_model import RunComparison
    from .....projections.comparison.snapshots import SnapshotDiff


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(diff)


def diff(
    context: typer.Context,
    run: RunId,
    before: Annotated[int | None, typer.Argument(metavar="A", help="A version.", show_default=False)] = None,
    after: Annotated[int | None, typer.Argument(metavar="B", help="Another one.", show_default="the latest")] = None,
    other: Annotated[str | None, typer.Option("--with", metavar="RUN2", help="Compare the run with this one.")] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Leave this out: a JSON Pointer with globs, as /context/*/*/id. Repeatable."),
    ] = None,
    ignore_times: Annotated[bool, typer.Option("--ignore-times", help="Leave out when things happened.")] = False,
    _json: AsJson = False,
) -> None:
    """Show what differs between versions A and B of a run, or where two runs part.

    With --json: a JSON Patch (RFC 6902) from the one state to the other; of two runs the whole comparison, with the
    patch in it.
    """
    if (before is None) == (other is None):
        raise InvalidRequest("name two versions of the run, as diff RUN 3 7, or another run, as diff RUN --with RUN2")
    session = Session.of(context)
    left_out = [*(ignore or ()), *(["times"] if ignore_times else [])]
    with session.open_ledger() as ledger:
        found: SnapshotDiff | RunComparison
        run = find_run(ledger, run)
        if other is not None:
            found = ledger.history.compare(run, find_run(ledger, other), ignore=left_out)
        else:
            found = ledger.history.diff(run, cast("int", before), after, ignore=left_out)
    session.answer(
        _document(found) if session.json else None, lambda console: diff_views.print_diff(console, found.lines())
    )


def _document(found: SnapshotDiff | RunComparison) -> Any:
    from .....projections.comparison.snapshots import SnapshotDiff

    return found.patch if isinstance(found, SnapshotDiff) else found.to_data()
