"""``flowledger run``: answer runs, go on with them, hold and stop them."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from ...presentation.inputs import read_globals, read_object, read_value
from ..shared.answer import answer_run
from ..shared.asking import Yes
from ..shared.options import STEPS, AsJson, By, Globals, Key, OneRun, Payload, Reason, RunAt, StepLimit
from ..shared.run_filters import BulkFilters, takes_run_filters
from ..shared.session import Session, interruptible
from ..shared.short_ids import find_run_at
from . import bulk


def resume(
    context: typer.Context,
    run_at: RunAt,
    by: By,
    payload: Payload = None,
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="WAIT", help="Its id; by default the one that is open."),
    ] = None,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    key: Key = None,
    _json: AsJson = False,
) -> None:
    """Answer what a paused run waits for.

    The node that asked runs again, and sees the payload as its answer.
    """
    session = Session.of(context)
    given = read_value(payload, "--payload")
    values = read_globals(global_values or [])
    with session.open_ledger(running=True) as ledger, interruptible():
        run_id, version = find_run_at(ledger, run_at)
        run = ledger.runs.resume(
            run_id,
            payload=given,
            by=by,
            wait=wait,
            globals=values,
            step_limit=step_limit,
            expected_version=version,
            idempotency_key=key,
        )
    answer_run(session, run)


def proceed(
    context: typer.Context,
    run_at: RunAt,
    by: By,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    key: Key = None,
    _json: AsJson = False,
) -> None:
    """Retry now, or continue after an interruption.

    For a run that waits for an automatic retry, or whose process is gone. A run that has ended stays as it is.
    """
    session = Session.of(context)
    values = read_globals(global_values or [])
    with session.open_ledger(running=True) as ledger, interruptible():
        run_id, version = find_run_at(ledger, run_at)
        run = ledger.runs.proceed(
            run_id, by=by, globals=values, step_limit=step_limit, expected_version=version, idempotency_key=key
        )
    answer_run(session, run)


def hold(
    context: typer.Context, run_at: RunAt, by: By, reason: Reason = None, key: Key = None, _json: AsJson = False
) -> None:
    """Hold a run: nothing is executed and no answer taken until it is released.

    A step that is being executed is still recorded. What the run waits for stays open.
    """
    session = Session.of(context)
    with session.open_ledger() as ledger:
        run_id, version = find_run_at(ledger, run_at)
        run = ledger.runs.hold(run_id, by=by, reason=reason, expected_version=version, idempotency_key=key)
    answer_run(session, run)


def pause(
    context: typer.Context, run_at: RunAt, by: By, reason: Reason = None, key: Key = None, _json: AsJson = False
) -> None:
    """Hold a run: the old name of hold."""
    hold(context, run_at, by, reason, key)


def release(
    context: typer.Context,
    run_at: RunAt,
    by: By,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="For people: no node sees it.")] = None,
    key: Key = None,
    _json: AsJson = False,
) -> None:
    """Lift a hold. The run stands again where the hold met it; proceed goes on with it."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        run_id, version = find_run_at(ledger, run_at)
        run = ledger.runs.release(run_id, by=by, note=note, expected_version=version, idempotency_key=key)
    answer_run(session, run)


def set_metadata(
    context: typer.Context,
    run_at: RunAt,
    metadata: Annotated[
        str, typer.Argument(metavar="FILE|-|JSON", help="A JSON object; its keys are set, and all others stay.")
    ],
    by: By,
    key: Key = None,
    _json: AsJson = False,
) -> None:
    """Set keys of a run's metadata, such as a ticket's number, also of one that has ended."""
    session = Session.of(context)
    given = read_object(metadata, "METADATA")
    with session.open_ledger() as ledger:
        run_id, version = find_run_at(ledger, run_at)
        run = ledger.runs.set_metadata(run_id, given, by=by, expected_version=version, idempotency_key=key)
    answer_run(session, run)


@takes_run_filters
def cancel(
    context: typer.Context,
    by: By,
    run_at: OneRun = None,
    reason: Reason = None,
    key: Key = None,
    every: bulk.All = False,
    *,
    filters: BulkFilters,
    yes: Yes = False,
    dry_run: bulk.DryRun = False,
    _json: AsJson = False,
) -> None:
    """End a run for good, or with --all every run that the filters find.

    A step that is being executed is still recorded. With --all and no --status: runs that have not ended.
    """
    session = Session.of(context)
    chosen = filters.select()
    bulk.check_one_or_all(run_at, every, chosen or yes or dry_run, key)
    with session.open_ledger() as ledger:
        if run_at is not None:
            run_id, version = find_run_at(ledger, run_at)
            run = ledger.runs.cancel(run_id, by=by, reason=reason, expected_version=version, idempotency_key=key)
            answer_run(session, run)
            return
        found = chosen.or_status("active", "paused", "error").find(ledger, datetime.now(UTC))
        operation = ledger.runs.cancel_all(found.run_ids, by=by, reason=reason)
        bulk.execute(session, operation, "cancel", yes=yes, dry_run=dry_run, found=found)
