"""``counts``: how many runs have a value in common."""

from typing import Annotated, Any

import typer

from .....projections.counts import Count, RunGroup
from ...presentation.documents import row_columns, row_document, row_values
from ...presentation.inputs import read_moment
from ..shared.options import AsCsv, AsJson
from ..shared.run_filters import ListFilters, takes_run_filters
from ..shared.session import Session
from ..views import steps as views


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(counts)


@takes_run_filters
def counts(
    context: typer.Context,
    group: Annotated[
        RunGroup,
        typer.Option(
            "--group",
            metavar="VALUE",
            help="status, node, error_type, workflow, version (of one workflow), actor, day.",
        ),
    ] = "status",
    *,
    filters: ListFilters,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="TIME", help="As runs stood at this time.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Values, at most.")] = 1000,
    as_csv: AsCsv = False,
    _json: AsJson = False,
) -> None:
    """Count runs by status, or by another value that they have in common.

    The filters are those of history. The largest numbers come first, of days the newest.
    """
    session = Session.of(context)
    chosen: dict[str, Any] = filters.select().arguments() | filters.of_now()
    moment = read_moment(as_of, "--as-of")
    with session.open_ledger() as ledger:
        found = ledger.history.counts(group, **chosen, as_of=moment, limit=limit)
    if as_csv:
        session.print_csv(row_columns(Count), map(row_values, found))
        return
    document = {"group": group, "counts": [row_document(count) for count in found]}
    session.answer(document, lambda console: views.print_counts(console, group, found))
