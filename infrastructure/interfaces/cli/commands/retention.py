"""``flowledger retention``: what is old goes under a policy, and legal holds keep what must stay."""

from __future__ import annotations

from typing import Annotated

import typer

from ....services.retention.pace import BESIDE_WRITERS
from ...presentation.documents import row_document
from ...presentation.policies import read_policy, what_goes
from ..shared.asking import Yes, can_ask
from ..shared.options import AsJson, By, OfWorkflow, Reason
from ..shared.progress import progress_bar
from ..shared.session import Session
from ..shared.short_ids import find_run
from ..views.retention import print_holds, print_removals, print_report

app = typer.Typer(help="Take away old runs under a policy, and hold what must stay.", rich_markup_mode=None)

OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="LENGTH", help="Nothing has happened for so long: 90d, 12w, 36h.")
]
Statuses = Annotated[
    list[str] | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        help="How the last run has ended: completed, failed or cancelled. Repeatable.",
        show_default="completed",
    ),
]
KeepLast = Annotated[
    int | None, typer.Option("--keep-last", min=0, metavar="N", help="Of each workflow, so many of the newest stay.")
]
MaxBytes = Annotated[
    int | None, typer.Option("--max-bytes", min=0, metavar="N", help="Of the newest, so many bytes stay.")
]
Archive = Annotated[
    str | None,
    typer.Option("--archive", metavar="FOLDER", help="Write each run there before it goes, and read it again."),
]
ArchivedWorkflows = Annotated[
    bool,
    typer.Option(
        "--archived-workflows",
        help="Also archived workflows in which nothing has happened for so long, once they have no work orders left.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--archive-format",
        metavar="FORMAT",
        help="export: files to import again; parquet: rows of runs and steps, for analysis.",
        show_default="export",
    ),
]
HeldRun = Annotated[str | None, typer.Argument(metavar="[RUN]", help="The run's id, or 6 or more characters of it.")]
Subject = Annotated[str | None, typer.Option("--subject", metavar="SUBJECT", help="All runs of this subject.")]


def register(parent: typer.Typer) -> None:
    """Add the commands, as a group."""
    parent.add_typer(app, name="retention")


@app.command()
def preview(
    context: typer.Context,
    older_than: OlderThan = None,
    status: Statuses = None,
    workflow: OfWorkflow = None,
    keep_last: KeepLast = None,
    max_bytes: MaxBytes = None,
    archive: Archive = None,
    archive_format: Format = None,
    archived_workflows: ArchivedWorkflows = False,
    _json: AsJson = False,
) -> None:
    """Say what a policy would take away now, and what stays and why; and do nothing."""
    policy = read_policy(
        older_than,
        status,
        workflow,
        keep_last,
        max_bytes,
        archive,
        archived_workflows=archived_workflows,
        archive_format=archive_format,
        everything=True,
        name="--older-than",
    )
    session = Session.of(context)
    with session.open_ledger() as ledger:
        report = ledger.retention.preview(policy)
    session.answer(row_document(report), lambda console: print_report(console, report))


@app.command()
def apply(
    context: typer.Context,
    by: By,
    older_than: OlderThan = None,
    status: Statuses = None,
    workflow: OfWorkflow = None,
    keep_last: KeepLast = None,
    max_bytes: MaxBytes = None,
    archive: Archive = None,
    archive_format: Format = None,
    archived_workflows: ArchivedWorkflows = False,
    everything: Annotated[
        bool, typer.Option("--everything", help="Also where the policy keeps nothing that has ended so.")
    ] = False,
    reason: Reason = None,
    pace: Annotated[
        float,
        typer.Option(
            "--pace", metavar="SHARE", help="While others write, work for so much of the time; 1: never wait."
        ),
    ] = BESIDE_WRITERS,
    yes: Yes = False,
    _json: AsJson = False,
) -> None:
    """Take away what a policy says. It can't be undone: --archive writes each run to a file before.

    It goes in small steps beside others who write; where it is cut short, say it again. A record of what went stays,
    and all that stays still verifies. On a terminal it asks first.
    """
    policy = read_policy(
        older_than,
        status,
        workflow,
        keep_last,
        max_bytes,
        archive,
        archived_workflows=archived_workflows,
        archive_format=archive_format,
        everything=everything,
        name="--older-than",
    )
    session = Session.of(context)
    with session.open_ledger() as ledger:
        if can_ask(yes):
            would = ledger.retention.preview(policy)
            if would.runs or would.workflows:
                what = what_goes(would.runs, would.workflows)
                typer.confirm(f"{what} go, and can't be brought back. Remove them?", abort=True, err=True)
        with progress_bar("removing") as progress:
            report = ledger.retention.apply(policy, by, reason, progress, pace)
    session.answer(row_document(report), lambda console: print_report(console, report))


@app.command()
def removals(context: typer.Context, _json: AsJson = False) -> None:
    """Print what went so far: when, by whom, how much, and where its archive is."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        found = ledger.retention.removals()
    document = {"removals": [row_document(each) for each in found]}
    session.answer(document, lambda console: print_removals(console, found))


@app.command()
def hold(
    context: typer.Context,
    by: By,
    reason: Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why, for the record.")],
    run: HeldRun = None,
    subject: Subject = None,
    _json: AsJson = False,
) -> None:
    """Place a legal hold on a run, or on all runs of a subject: no policy takes them away, and nobody erases them."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        run_id = None if run is None else find_run(ledger, run)
        placed = ledger.retention.hold(run_id, subject=subject, by=by, reason=reason)
    session.answer(row_document(placed), lambda console: print_holds(console, [placed]))


@app.command()
def lift(
    context: typer.Context,
    by: By,
    run: HeldRun = None,
    subject: Subject = None,
    reason: Reason = None,
    _json: AsJson = False,
) -> None:
    """Lift a legal hold: policies and erasures count again."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        run_id = None if run is None else find_run(ledger, run)
        ledger.retention.lift(run_id, subject=subject, by=by, reason=reason)
        left = ledger.retention.holds()
    session.answer({"holds": [row_document(each) for each in left]}, lambda console: print_holds(console, left))


@app.command()
def holds(context: typer.Context, run: HeldRun = None, _json: AsJson = False) -> None:
    """Print the legal holds that stand, or those that keep a run: on it, on a subject of its, or on its work order."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        found = ledger.retention.holds(None if run is None else find_run(ledger, run))
    session.answer({"holds": [row_document(each) for each in found]}, lambda console: print_holds(console, found))
