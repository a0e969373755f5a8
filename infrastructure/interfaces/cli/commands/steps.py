"""``steps``: attempts at nodes over all runs. ``failures``: which are alike. ``counts``: runs by what they share."""

from functools import partial
from typing import Annotated

import typer

from .....projections.pagination import Page
from ...presentation.documents import begins_document, row_document
from ...presentation.history_beginning import tell_beginning
from ...presentation.inputs import read_moment
from ..shared.listing import After, All, Limit, Listing, Out
from ..shared.options import AsCsv, AsJson, OfWorkflow, Since, Until
from ..shared.run_filters import ListFilters, takes_run_filters
from ..shared.session import Session
from ..views import steps as step_views


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(steps)
    app.command()(failures)
    app.command()(counts)


def steps(
    context: typer.Context,
    workflow_id: OfWorkflow = None,
    node: Annotated[str | None, typer.Option(metavar="ID", help="At this node.")] = None,
    status: Annotated[
        list[str] | None, typer.Option("--status", metavar="STATUS", help="completed, failed, paused. Repeatable.")
    ] = None,
    error_type: Annotated[
        str | None, typer.Option("--error-type", metavar="NAME", help="Failed with this type of error.")
    ] = None,
    longer_than: Annotated[
        float | None, typer.Option("--longer-than", metavar="SECONDS", help="Inside the executor for longer than this.")
    ] = None,
    since: Since = None,
    until: Until = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILTER",
            help="By value: output.total=7, 'error.message.contains(\"x\")' (CEL over input, output, error of the "
            "attempt, payload and metadata of its run). Repeatable.",
        ),
    ] = None,
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List attempts at nodes over all runs, newest first.

    Also those that failed before a retry succeeded, and earlier turns of loops.
    """
    from .....projections.steps.summary import StepSummary

    session = Session.of(context)
    start, end = read_moment(since, "--since"), read_moment(until, "--until")
    with session.open_ledger() as ledger:

        def page(cursor: str | None) -> Page[StepSummary]:
            return ledger.history.steps(
                workflow_id, node, status, error_type, longer_than, start, end, where or (), cursor, limit
            )

        Listing(StepSummary, page, after, everything).answer(session, as_csv, out, "steps", step_views.print_steps)


def failures(
    context: typer.Context,
    workflow_id: OfWorkflow = None,
    node: Annotated[str | None, typer.Option(metavar="ID", help="At this node.")] = None,
    error_type: Annotated[str | None, typer.Option("--error-type", metavar="NAME", help="Of this type.")] = None,
    since: Since = None,
    until: Until = None,
    retried: Annotated[bool, typer.Option("--retried", help="Also those after which the run went on.")] = False,
    limit: Limit = 50,
    after: After = None,
    everything: All = False,
    as_csv: AsCsv = False,
    out: Out = None,
    _json: AsJson = False,
) -> None:
    """List failures in groups of those that are alike, the largest first.

    Alike are those of one workflow, node and type, whose messages differ in numbers, ids and quoted values alone.
    Their runs: history --failure GROUP. Work orders that were rejected, and have no run, stand below.
    """
    from .....projections.runs.summary import WorkOrderSummary
    from .....projections.steps.summary import FailureGroup

    session = Session.of(context)
    start, end = read_moment(since, "--since"), read_moment(until, "--until")
    with session.open_ledger() as ledger:
        rejected = list[WorkOrderSummary]()

        def page(cursor: str | None) -> Page[FailureGroup]:
            found = ledger.history.failures(workflow_id, node, error_type, start, end, retried, cursor, limit)
            rejected.extend(found.rejected)
            return found

        show = partial(step_views.print_failures, rejected=rejected)
        Listing(FailureGroup, page, after, everything).answer(session, as_csv, out, "failures", show)


@takes_run_filters
def counts(
    context: typer.Context,
    group: Annotated[
        str, typer.Argument(metavar="[GROUP]", help="status, node, error_type, workflow, version, actor, day.")
    ] = "status",
    *,
    filters: ListFilters,
    _json: AsJson = False,
) -> None:
    """Count runs by what they have in common, of those that the filters of history find."""
    session = Session.of(context)
    chosen, of_now = filters.select(), filters.of_now()
    with session.open_ledger() as ledger:
        found = ledger.history.counts(group, **chosen.arguments(), **of_now)  # type: ignore[arg-type]
    document = {"counts": [row_document(count) for count in found]} | begins_document(found.begins)
    tell_beginning(found.begins)
    session.answer(document, lambda console: step_views.print_counts(console, group, found))
