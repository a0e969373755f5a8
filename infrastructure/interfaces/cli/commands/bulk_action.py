"""``flowledger bulk``: many runs retried or cancelled as an action that is stored, watched and stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .....domain.errors import InvalidRequest
from .....projections.pagination import Page
from ...presentation import console as views
from ...presentation.documents import row_document
from ...presentation.inputs import read_moment
from ..shared.listing import After, All, Limit, Listing, Out
from ..shared.options import AsCsv, AsJson, By, Reason
from ..shared.run_filters import ActionFilters, takes_run_filters
from ..shared.session import Session
from ..shared.short_ids import find_run_or_order
from ..views import bulk as bulk_views

if TYPE_CHECKING:
    from .....projections.bulk_action import BulkAction, BulkPreview

app = typer.Typer(help="Retry or cancel many runs, as an action that is stored.", rich_markup_mode=None)

Id = Annotated[str, typer.Argument(metavar="BULK", help="The id of a bulk action.")]


def register(parent: typer.Typer) -> None:
    """Add the commands, as a group."""
    parent.add_typer(app, name="bulk")


@app.command()
@takes_run_filters
def request(
    context: typer.Context,
    by: By,
    act: Annotated[str, typer.Argument(metavar="ACT", help="retry or cancel.")],
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Their ids; none: filters.")] = None,
    from_node: Annotated[str | None, typer.Option("--from", metavar="NODE", help="Where a retry begins.")] = None,
    reason: Reason = None,
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help="Sent again, it is one action.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All runs of the store, where no filter is given.")] = False,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="TIME", help="As they stood then.")] = None,
    *,
    filters: ActionFilters,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be done; store nothing.")] = False,
    _json: AsJson = False,
) -> None:
    """Store that runs are to be retried or cancelled: those that are named, or all that the filters find now.

    A worker then works on it, or bulk run. Exit status 1: with --dry-run, nothing could be done.
    """
    session = Session.of(context)
    matching = {**filters.select().arguments(), **filters.of_now(), "as_of": read_moment(as_of, "--as-of")}
    given = {name: value for name, value in matching.items() if value not in (None, ())}
    if runs and (given or every):
        raise InvalidRequest("name runs, or give filters, not both")
    if not runs and not given and not every:
        raise InvalidRequest("name runs, give filters, or say --all for all runs of the store")
    with session.open_ledger() as ledger:
        named = [find_run_or_order(ledger, run_id) for run_id in runs or ()]
        chosen: dict[str, Any] = {"runs": named} if named else {"matching": given}
        if dry_run:
            preview = ledger.bulk.preview(act, **chosen, from_node=from_node)  # type: ignore[arg-type]
            session.exit_code = 0 if preview.can else 1
            _answer_preview(session, preview)
            return
        made = ledger.bulk.request(
            act,  # type: ignore[arg-type]
            **chosen,
            by=by,
            reason=reason,
            from_node=from_node,
            idempotency_key=key,
        )
    _answer(session, made)


@app.command()
def show(
    context: typer.Context,
    bulk_id: Id,
    outcome: Annotated[
        str | None,
        typer.Option("--outcome", metavar="WORD", help="Runs retried, cancelled, skipped, refused, or open."),
    ] = None,
    limit: Limit = 50,
    after: After = None,
    _json: AsJson = False,
) -> None:
    """Show how a bulk action stands, and what became of its runs."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        action = ledger.bulk.get(bulk_id)
        items = ledger.bulk.items(bulk_id, outcome, after=after, limit=limit)
    document = {**row_document(action), "items": [row_document(item) for item in items], "next": items.next}
    session.answer(document, lambda console: bulk_views.print_action(console, action, items))


@app.command("list")
def list_(
    context: typer.Context,
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List bulk actions, newest first."""
    from .....projections.bulk_action import BulkAction

    session = Session.of(context)
    with session.open_ledger() as ledger:

        def page(cursor: str | None) -> Page[BulkAction]:
            return ledger.bulk.list(cursor, limit)

        Listing(BulkAction, page, after, everything).answer(session, as_csv, out, "bulk", bulk_views.print_actions)


@app.command()
def stop(context: typer.Context, by: By, bulk_id: Id, reason: Reason = None, _json: AsJson = False) -> None:
    """Stop a bulk action behind the run that is worked on now."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        _answer(session, ledger.bulk.stop(bulk_id, by=by, reason=reason))


@app.command()
def run(context: typer.Context, by: By, bulk_id: Id, _json: AsJson = False) -> None:
    """Work on a bulk action here, until it has finished or was stopped; another process may do it as well."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        _answer(session, ledger.bulk.run(bulk_id, by=by))


def _answer(session: Session, action: BulkAction) -> None:
    session.answer(row_document(action), lambda console: bulk_views.print_action(console, action, ()))


def _answer_preview(session: Session, preview: BulkPreview) -> None:
    session.answer(row_document(preview), lambda console: views.print_line(console, bulk_views.preview_line(preview)))
