"""``steps`` and ``failures``: attempts over all runs, and failures that are alike."""

from typing import Annotated, Any

import typer

from .....domain.errors import InvalidRequest
from .....projections.pagination import Page
from ...presentation.inputs import read_moment
from ..shared.listing import After, All, Limit, Listing, Out
from ..shared.options import AsCsv, AsJson
from ..shared.session import Session
from ..views import steps as views

OfWorkflow = Annotated[str | None, typer.Option("--workflow", metavar="ID", help="Of this workflow.")]
ErrorType = Annotated[str | None, typer.Option("--error-type", metavar="NAME", help="With this type of error.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(steps)
    app.command()(failures)


def steps(
    context: typer.Context,
    workflow_id: OfWorkflow = None,
    node: Annotated[str | None, typer.Option(metavar="ID", help="Attempts at this node.")] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(metavar="STATUS", help="completed, failed, paused: what came of the attempt. Repeatable."),
    ] = None,
    error_type: ErrorType = None,
    longer_than: Annotated[
        str | None, typer.Option("--longer-than", metavar="TIME", help="In the executor: 5s, 2m, 1h, or seconds.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Begun at this time or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Begun before this time.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="FILTER", help="By value of input, output, error, payload, metadata. Repeatable."),
    ] = None,
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List attempts at nodes over all runs, newest first.

    A failed attempt is found also where its run was retried and has completed. show RUN@VERSION shows one.
    """
    from .....projections.steps.summary import StepSummary

    session = Session.of(context)
    filters: dict[str, Any] = {
        "workflow_id": workflow_id,
        "node": node,
        "status": status or None,
        "error_type": error_type,
        "longer_than": _seconds(longer_than),
        "since": read_moment(since, "--since"),
        "until": read_moment(until, "--until"),
        "where": where or (),
    }
    with session.open_ledger() as ledger:

        def page(cursor: str | None) -> Page[StepSummary]:
            return ledger.history.steps(**filters, after=cursor, limit=limit)

        Listing(StepSummary, page, after, everything).answer(session, as_csv, out, "steps", views.print_steps)


def failures(
    context: typer.Context,
    workflow_id: OfWorkflow = None,
    node: Annotated[str | None, typer.Option(metavar="ID", help="At this node.")] = None,
    error_type: ErrorType = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Failed at this time or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Failed before this time.")] = None,
    retried: Annotated[
        bool, typer.Option("--retried", help="Also failures after which a run went on, by a retry or an edge.")
    ] = False,
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List failures in groups of those that are alike, the largest first.

    Alike: the same workflow, node and type of error, and a message that differs in numbers, ids and quoted values only.
    """
    from .....projections.steps.summary import FailureGroup

    session = Session.of(context)
    start, end = read_moment(since, "--since"), read_moment(until, "--until")
    with session.open_ledger() as ledger:

        def page(cursor: str | None) -> Page[FailureGroup]:
            return ledger.history.failures(
                workflow_id, node, error_type, start, end, retried=retried, after=cursor, limit=limit
            )

        Listing(FailureGroup, page, after, everything).answer(session, as_csv, out, "failures", views.print_failures)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    number, factor = (text[:-1], _UNITS[text[-1]]) if text[-1:] in _UNITS else (text, 1)
    try:
        return float(number) * factor
    except ValueError:
        raise InvalidRequest(
            f"--longer-than {text!r} is no length of time; write it as 5s, 2m, 1h, or seconds"
        ) from None


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
