"""``flowledger run``: start, resume, repeat and stop runs."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from .....domain.errors import InvalidRequest
from .....domain.execution.executors import StepResult
from .....domain.rerun.bulk import operation_time
from .....domain.values.clock import moment
from .....projections.runs.run import Run
from ....new_id import new_id
from ...presentation import console as views
from ...presentation.documents import run_document
from ...presentation.inputs import (
    read_globals,
    read_object,
    read_value,
    read_version,
    split_version,
    split_workflow_version,
)
from ..shared.options import AsJson, By, Effects, Globals, OneRun, Payload, Reason, RunId, StepLimit
from ..shared.run_filters import BulkFilters, takes_run_filters
from ..shared.session import Session, interruptible
from . import bulk

STEPS = 10_000

app = typer.Typer(help="Start runs, continue them, stop them.", rich_markup_mode=None)


def _answer(session: Session, run: Run) -> None:
    if run.status == "failed":
        session.exit_code = 1
    session.answer(run_document(run), lambda console: views.print_run(console, run))


@app.command()
def start(
    context: typer.Context,
    workflow: Annotated[
        str, typer.Argument(metavar="ID[@VERSION]", help="A workflow's id; by default its live version is started.")
    ],
    by: By,
    payload: Payload = None,
    metadata: Annotated[
        str | None, typer.Option(metavar="FILE|-|JSON", help="A JSON object to keep with the run.")
    ] = None,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="TEXT", help="A second start with this key and payload returns the first run."),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="The version to start, as it may stand behind the id."),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Start a run of a workflow's live version. Returns when it pauses, waits for a retry, or has ended.

    Prints the run's id and its snapshot.
    """
    session = Session.of(context)
    workflow_id, named = split_workflow_version(workflow)
    if named is not None and version is not None:
        raise InvalidRequest(f"the version is given twice: {workflow!r} and --version {version}")
    asked = named if version is None else read_version(version)
    given = read_value(payload, "--payload")
    kept = read_object(metadata, "--metadata")
    values = read_globals(global_values or [])
    with session.open_ledger(running=True) as ledger, interruptible():
        run = ledger.runs.start(
            workflow_id,
            payload=given,
            by=by,
            metadata=kept,
            globals=values,
            step_limit=step_limit,
            idempotency_key=key,
            version=asked,
        )
    _answer(session, run)


@app.command()
def adopt(
    context: typer.Context,
    snapshot: Annotated[str, typer.Argument(metavar="FILE|-|JSON", help="The snapshot, as its engine wrote it.")],
    workflow: Annotated[
        str, typer.Option(metavar="ID[@VERSION]", help="What it goes on with; by default the live version.")
    ],
    by: By,
    metadata: Annotated[
        str | None, typer.Option(metavar="FILE|-|JSON", help="A JSON object, merged into the snapshot's metadata.")
    ] = None,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="TEXT", help="A second adoption with this key returns the first run."),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Go on with a run that began in another engine, from its snapshot.

    What waits there waits here; what is active goes on. The run's history begins here.
    """
    session = Session.of(context)
    workflow_id, version = split_workflow_version(workflow)
    given = read_object(snapshot, "SNAPSHOT")
    kept = read_object(metadata, "--metadata")
    values = read_globals(global_values or [])
    with session.open_ledger(running=True) as ledger, interruptible():
        run = ledger.runs.adopt(
            given,
            workflow_id,
            by=by,
            version=version,
            metadata=kept,
            globals=values,
            step_limit=step_limit,
            idempotency_key=key,
        )
    _answer(session, run)


@app.command()
def resume(
    context: typer.Context,
    run_id: RunId,
    by: By,
    payload: Payload = None,
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="WAIT", help="Its id; by default the one that is open."),
    ] = None,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    _json: AsJson = False,
) -> None:
    """Answer what a paused run waits for.

    The node that asked runs again, and sees the payload as its answer.
    """
    session = Session.of(context)
    given = read_value(payload, "--payload")
    values = read_globals(global_values or [])
    with session.open_ledger(running=True) as ledger, interruptible():
        run = ledger.runs.resume(run_id, payload=given, by=by, wait=wait, globals=values, step_limit=step_limit)
    _answer(session, run)


@app.command()
def proceed(
    context: typer.Context,
    run_id: RunId,
    by: By,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    _json: AsJson = False,
) -> None:
    """Retry now, or continue after an interruption.

    For a run that waits for an automatic retry, or whose process is gone. A run that has ended stays as it is.
    """
    session = Session.of(context)
    values = read_globals(global_values or [])
    with session.open_ledger(running=True) as ledger, interruptible():
        run = ledger.runs.proceed(run_id, by=by, globals=values, step_limit=step_limit)
    _answer(session, run)


@app.command()
def hold(context: typer.Context, run_id: RunId, by: By, reason: Reason = None, _json: AsJson = False) -> None:
    """Hold a run: nothing is executed and no answer taken until it is released.

    A step that is being executed is still recorded. What the run waits for stays open.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger:
        run = ledger.runs.hold(run_id, by=by, reason=reason)
    _answer(session, run)


@app.command()
def pause(context: typer.Context, run_id: RunId, by: By, reason: Reason = None, _json: AsJson = False) -> None:
    """Hold a run: the old name of hold."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        run = ledger.runs.pause(run_id, by=by, reason=reason)
    _answer(session, run)


@app.command()
def release(
    context: typer.Context,
    run_id: RunId,
    by: By,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="For people: no node sees it.")] = None,
    _json: AsJson = False,
) -> None:
    """Lift a hold. The run stands again where the hold met it; proceed goes on with it."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        run = ledger.runs.release(run_id, by=by, note=note)
    _answer(session, run)


@app.command()
@takes_run_filters
def cancel(
    context: typer.Context,
    by: By,
    run_id: OneRun = None,
    reason: Reason = None,
    every: bulk.All = False,
    *,
    filters: BulkFilters,
    yes: bulk.Yes = False,
    dry_run: bulk.DryRun = False,
    _json: AsJson = False,
) -> None:
    """End a run for good, or with --all every run that the filters find.

    A step that is being executed is still recorded. With --all and no --status: runs that have not ended.
    """
    session = Session.of(context)
    chosen = filters.select()
    bulk.check_one_or_all(run_id, every, chosen or yes or dry_run)
    with session.open_ledger() as ledger:
        if run_id is not None:
            _answer(session, ledger.runs.cancel(run_id, by=by, reason=reason))
            return
        found = chosen.or_status("active", "paused", "error").find(ledger, datetime.now(UTC))
        operation = ledger.runs.cancel_all(found.run_ids, by=by, reason=reason)
        bulk.execute(session, operation, "cancel", yes=yes, dry_run=dry_run, found=found)


@app.command()
@takes_run_filters
def retry(
    context: typer.Context,
    by: By,
    run_id: OneRun = None,
    from_node: Annotated[
        str | None, typer.Option("--from", metavar="NODE", help="Start at this node, and reuse the results before it.")
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what would run and what differs from then; change nothing.")
    ] = False,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    every: bulk.All = False,
    *,
    filters: BulkFilters,
    yes: bulk.Yes = False,
    dry_run: bulk.DryRun = False,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume", metavar="OPERATION", help="Continue a --all that was interrupted; give the same filters."
        ),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Start a new run of a work order, with the workflow's live version.

    RUN may also be a work order, such as one that was rejected. With --all and no --status: runs that have failed.
    """
    session = Session.of(context)
    chosen = filters.select()
    bulk.check_one_or_all(run_id, every, chosen or yes or dry_run or resume)
    if preview and every:
        raise InvalidRequest("--preview is for one RUN; --all has --dry-run")
    values = read_globals(global_values or [])
    with session.open_ledger(running=True) as ledger:
        if run_id is None:
            operation_id = resume or new_id(time.time_ns() // 1000)
            found = chosen.or_status("failed").find(ledger, moment(operation_time(operation_id)))
            operation = ledger.runs.retry_all(
                found.run_ids,
                from_node=from_node,
                by=by,
                globals=values,
                step_limit=step_limit,
                operation_id=operation_id,
            )
            bulk.execute(session, operation, "retry", yes=yes, dry_run=dry_run, found=found)
        elif preview:
            planned = ledger.runs.retry(run_id, from_node, by=by, globals=values, preview=True)
            session.answer(planned.to_data(), lambda console: views.print_preview(console, planned))
        else:
            with interruptible():
                run = ledger.runs.retry(run_id, from_node, by=by, globals=values, step_limit=step_limit)
            _answer(session, run)


@app.command()
def reproduce(
    context: typer.Context,
    run_id: RunId,
    by: By,
    effects: Effects = None,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    _json: AsJson = False,
) -> None:
    """Execute a run once more to find out why it ended so: the same version and payload.

    The new run belongs to the work order, marked as a reproduction, and never changes its state. What acted on the
    world is taken from the record, unless --effects names it.
    """
    session = Session.of(context)
    values = read_globals(global_values or [])
    with session.open_ledger(running=True) as ledger, interruptible():
        run = ledger.runs.reproduce(run_id, by=by, globals=values, step_limit=step_limit, effects=effects or ())
    _answer(session, run)


@app.command()
def fork(
    context: typer.Context,
    run: Annotated[
        str, typer.Argument(metavar="RUN[@VERSION]", help="Where to branch off; by default its current version.")
    ],
    by: By,
    payload: Payload = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-|JSON", help="JSON that replaces the last result there; the run continues after it."
        ),
    ] = None,
    handle: Annotated[
        str | None, typer.Option(metavar="HANDLE", help="With --output: the edge to follow, not the one taken then.")
    ] = None,
    workflow_version: Annotated[
        str | None,
        typer.Option("--workflow-version", metavar="VERSION", help="Continue with this version, not the one that ran."),
    ] = None,
    metadata: Annotated[
        str | None, typer.Option(metavar="FILE|-|JSON", help="A JSON object to merge into the run's; null removes.")
    ] = None,
    effects: Effects = None,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    _json: AsJson = False,
) -> None:
    """Start a new run from the state of another one at a version.

    Nothing is copied. What waited for a person or a retry still waits, unless a payload is given; what had failed runs
    on. The fork belongs to the work order, and never changes its state. What any run of it did to the world is taken
    from the record, unless --effects names it.
    """
    session = Session.of(context)
    run_id, version = split_version(run)
    if handle is not None and output is None:
        raise InvalidRequest("--handle is the edge to take after an edited result: give its --output as well")
    given, edited = read_value(payload, "--payload"), read_value(output, "--output")
    if handle is not None or (output is not None and edited is None):
        edited = StepResult(edited, handle)
    kept = read_object(metadata, "--metadata")
    values = read_globals(global_values or [])
    saved = None if workflow_version is None else read_version(workflow_version)
    with session.open_ledger(running=True) as ledger, interruptible():
        forked = ledger.runs.fork(
            run_id,
            version,
            by=by,
            payload=given,
            output=edited,
            workflow_version=saved,
            metadata=kept,
            globals=values,
            step_limit=step_limit,
            effects=effects or (),
        )
    _answer(session, forked)
