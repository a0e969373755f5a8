"""``flowledger run``: retry, reproduce and fork runs."""

import time
from typing import Annotated

import typer

from .....domain.errors import InvalidRequest
from .....domain.rerun.bulk import operation_time
from .....domain.values.clock import moment
from ....new_id import new_id
from ...presentation import console as views
from ...presentation.inputs import read_globals, read_object, read_value, read_version
from ..shared.answer import answer_run
from ..shared.asking import Yes
from ..shared.options import (
    STEPS,
    Answers,
    AsJson,
    By,
    Effects,
    Globals,
    Key,
    OneRun,
    Payload,
    Reason,
    RunAt,
    StepLimit,
)
from ..shared.run_filters import BulkFilters, takes_run_filters
from ..shared.session import Session, interruptible
from ..shared.short_ids import find_run_at, find_run_or_order_at
from . import bulk


@takes_run_filters
def retry(
    context: typer.Context,
    by: By,
    run_at: OneRun = None,
    from_node: Annotated[
        str | None, typer.Option("--from", metavar="NODE", help="Start at this node, and reuse the results before it.")
    ] = None,
    answers: Answers = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what would run and what differs from then; change nothing.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also where it was retried already, or its work order has succeeded.")
    ] = False,
    reason: Reason = None,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    key: Key = None,
    every: bulk.All = False,
    *,
    filters: BulkFilters,
    yes: Yes = False,
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
    bulk.check_one_or_all(run_at, every, chosen or yes or dry_run or resume, key or again or reason)
    if answers and every:
        raise InvalidRequest("--answers is for one RUN: what was answered belongs to each run")
    if preview and every:
        raise InvalidRequest("--preview is for one RUN; --all has --dry-run")
    values = read_globals(global_values or [])
    with session.open_ledger(running=True) as ledger:
        if run_at is None:
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
            return
        run_id, version = find_run_or_order_at(ledger, run_at)
        if preview:
            planned = ledger.runs.retry(
                run_id,
                from_node,
                by=by,
                globals=values,
                preview=True,
                expected_version=version,
                answers=answers or (),
            )
            session.answer(planned.to_data(), lambda console: views.print_preview(console, planned))
        else:
            with interruptible():
                run = ledger.runs.retry(
                    run_id,
                    from_node,
                    by=by,
                    globals=values,
                    step_limit=step_limit,
                    again=again,
                    answers=answers or (),
                    expected_version=version,
                    idempotency_key=key,
                    reason=reason,
                )
            answer_run(session, run)


def reproduce(
    context: typer.Context,
    run_at: RunAt,
    by: By,
    effects: Effects = None,
    reason: Reason = None,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    key: Key = None,
    _json: AsJson = False,
) -> None:
    """Execute a run once more to find out why it ended so: the same version and payload.

    The new run belongs to the work order, marked as a reproduction, and never changes its state. What acted on the
    world is taken from the record, unless --effects names it.
    """
    session = Session.of(context)
    values = read_globals(global_values or [])
    with session.open_ledger(running=True) as ledger, interruptible():
        run_id, version = find_run_at(ledger, run_at)
        run = ledger.runs.reproduce(
            run_id,
            by=by,
            globals=values,
            step_limit=step_limit,
            expected_version=version,
            idempotency_key=key,
            effects=effects or (),
            reason=reason,
        )
    answer_run(session, run)


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
    answers: Answers = None,
    reason: Reason = None,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    expect: Annotated[
        int | None, typer.Option("--expect", metavar="VERSION", help="Refused where the run has moved on from it.")
    ] = None,
    key: Key = None,
    _json: AsJson = False,
) -> None:
    """Start a new run from the state of another one at a version.

    Nothing is copied. What waited for a person or a retry still waits, unless a payload is given; what had failed runs
    on. The fork belongs to the work order, and never changes its state. What any run of it did to the world is taken
    from the record, unless --effects names it.
    """
    session = Session.of(context)
    if handle is not None and output is None:
        raise InvalidRequest("--handle is the edge to take after an edited result: give its --output as well")
    given, edited = read_value(payload, "--payload"), read_value(output, "--output")
    if handle is not None or (output is not None and edited is None):
        from .....domain.execution.executors import StepResult

        edited = StepResult(edited, handle)
    kept = read_object(metadata, "--metadata")
    values = read_globals(global_values or [])
    saved = None if workflow_version is None else read_version(workflow_version)
    with session.open_ledger(running=True) as ledger, interruptible():
        run_id, version = find_run_at(ledger, run)
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
            answers=answers or (),
            expected_version=expect,
            idempotency_key=key,
            reason=reason,
        )
    answer_run(session, forked)
