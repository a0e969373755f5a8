"""``history`` and ``orders``: what ran, in lists. ``rebuild``: the index that they read, made anew."""

import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from .....domain.errors import EventNotReadable, InvalidRequest
from .....projections.pagination import Page
from .....projections.runs.summary import RunSummary, WorkOrderSummary
from ....files.tables import write_rows
from ...presentation import console as views
from ...presentation.documents import row_columns, row_document, row_values
from ...presentation.inputs import read_moment, read_version, read_workflow_at
from ...presentation.search_lag import furthest_behind, tell_behind
from ..shared.options import AsCsv, AsJson
from ..shared.progress import progress_bar
from ..shared.session import Session
from ..views import lists as list_views

Workflow = Annotated[
    str | None, typer.Option("--workflow", metavar="ID[@VERSION]", help="Of this workflow, or this version of it.")
]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="Started at this time or later.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Started before this time.")]
StartedBy = Annotated[str | None, typer.Option("--by", metavar="WHO", help="Started by this actor.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Rows of a page.")]
After = Annotated[str | None, typer.Option(metavar="CURSOR", help="The page behind this cursor.")]
All = Annotated[bool, typer.Option("--all", help="All pages.")]
Out = Annotated[
    str | None,
    typer.Option("--out", metavar="FILE", help="Write to FILE.csv, .json, .jsonl or .parquet; with --all everything."),
]
Status = Annotated[
    list[str] | None,
    typer.Option("--status", metavar="STATUS", help="active, paused, error, completed, failed, cancelled. Repeatable."),
]
Node = Annotated[str | None, typer.Option(metavar="ID", help="Paused, waiting or failed at this node.")]
Text = Annotated[
    str | None,
    typer.Option(metavar="WORDS", help="With all these words, or ones that begin so, in ids, errors, logs or values."),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILTER",
        help="By value: payload.customer=acme, 'output[\"score\"].value > 10' (CEL over payload, output, metadata). "
        "Repeatable.",
    ),
]
ErrorType = Annotated[str | None, typer.Option("--error-type", metavar="NAME", help="Failed with this type of error.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(history)
    app.command()(orders)
    app.command()(rebuild)


def history(
    context: typer.Context,
    workflow: Workflow = None,
    version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Of this version of the workflow: a number or a snapshot id.")
    ] = None,
    status: Status = None,
    node: Node = None,
    error_type: ErrorType = None,
    by: StartedBy = None,
    since: Since = None,
    until: Until = None,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="TIME", help="As runs stood at this time.")] = None,
    text: Text = None,
    where: Where = None,
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List runs, newest first.

    Each filter that is given must hold. Times are ISO 8601, UTC where they name no offset.
    """
    session = Session.of(context)
    workflow_id, asked = read_workflow_at(workflow)
    if version is not None:
        if asked is not None:
            raise InvalidRequest("give --workflow ID@VERSION or --version VERSION, not both")
        asked = read_version(version)
    filters: dict[str, Any] = {
        "workflow_id": workflow_id, "version": asked, "status": status, "node": node, "error_type": error_type,
        "by": by, "since": read_moment(since, "--since"), "until": read_moment(until, "--until"),
        "as_of": read_moment(as_of, "--as-of"), "text": text, "where": where or (),
    }  # fmt: skip
    with session.ledger() as ledger:
        listing = Listing(
            RunSummary, lambda cursor: ledger.history.runs(**filters, after=cursor, limit=limit), after, everything
        )
        listing.answer(session, as_csv, out, "runs", list_views.runs)


def orders(
    context: typer.Context,
    workflow_id: Annotated[str | None, typer.Option("--workflow", metavar="ID", help="Of this workflow.")] = None,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="pending, running, paused, success, failed, cancelled, rejected."),
    ] = None,
    by: StartedBy = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List work orders, newest first: requests to process one input, each with its runs and retries."""
    session = Session.of(context)
    filters: dict[str, Any] = {
        "workflow_id": workflow_id, "state": state, "by": by, "since": read_moment(since, "--since"),
        "until": read_moment(until, "--until"),
    }  # fmt: skip
    with session.ledger() as ledger:
        listing = Listing(
            WorkOrderSummary, lambda cursor: ledger.history.work_orders(**filters, after=cursor, limit=limit), after,
            everything,
        )  # fmt: skip
        listing.answer(session, as_csv, out, "workOrders", list_views.work_orders)


def rebuild(context: typer.Context, _json: AsJson = False) -> None:
    """Make the index that lists and filters read, and what searches read, anew from the events.

    Others may read and write meanwhile; searches find what is there so far. Events that can't be read stop nothing and
    are named; a run that begins with one is listed as unreadable.
    """
    session = Session.of(context)
    damaged: list[EventNotReadable] = []
    with session.ledger() as ledger:
        with progress_bar("rebuilding the index") as tell:
            moved = ledger.rebuild(tell, left_out=damaged.append)
        with progress_bar("rebuilding the search") as tell:
            ledger.search.rebuild(tell)
    for error in damaged[:MOST_NAMED]:
        print(f"note: {error}", file=sys.stderr)
    more = f"; {len(damaged):,} can't be read, and verify names them" if damaged else ""
    session.answer(
        {"events": moved, "unreadable": len(damaged)},
        lambda console: console.print(f"rebuilt from {moved:,} events{more}", soft_wrap=True),
    )


MOST_NAMED = 20
"""Events that can't be read, and are named on the terminal."""


class Listing:
    """One page, or all of them, as the caller wants to have them."""

    def __init__(
        self, kind: type[Any], page: Callable[[str | None], Page[Any]], after: str | None, everything: bool
    ) -> None:
        self._kind = kind
        self._page = page
        self._next = after
        self._everything = everything
        self._behind: float | None = None

    def answer(
        self,
        session: Session,
        as_csv: bool,
        out: str | None,
        name: str,
        show: Callable[[Any, list[Any], str | None], None],
    ) -> None:
        if out is not None:
            if as_csv:
                raise InvalidRequest("give --csv for stdout, or --out FILE.csv, not both")
            count = write_rows(out, self._kind, self._rows())
            written = {"file": out, "rows": count, "next": self._next}
            session.answer(written, lambda console: views.say(console, f"{count:,} rows in {out}"), written=out)
        elif as_csv:
            rows = [row_values(row) for row in self._rows()]
            session.print_csv(row_columns(self._kind), rows, None if self._next is None else f"--after {self._next}")
        else:
            rows = list(self._rows())
            document: dict[str, Any] = {name: [row_document(row) for row in rows], "next": self._next}
            if self._behind is not None:
                document["behind"] = self._behind
            session.answer(document, lambda console: show(console, rows, self._next))

    def _rows(self) -> Iterator[Any]:
        page = self._page(self._next)
        self._behind = page.behind
        yield from page
        while self._everything and page.next is not None:
            page = self._page(page.next)
            # A run that one page lacked isn't on the next one, however much that knows.
            self._behind = furthest_behind(self._behind, page.behind)
            yield from page
        self._next = page.next
        tell_behind(self._behind)
