"""``flowledger run``: start runs, go on with them, stop them."""

from typing import Annotated

import typer

from ...projections.runs import Run
from . import views
from .documents import run_document
from .inputs import read_globals, read_object, read_value
from .options import AsJson, By, Globals, Payload, Reason, RunId, StepLimit, WorkflowId
from .session import Session, interruptible

STEPS = 10_000

app = typer.Typer(help="Start runs, go on with them, stop them.", rich_markup_mode=None)


def _answer(session: Session, run: Run) -> None:
    if run.status == "failed":
        session.exit_code = 1
    session.answer(run_document(run), lambda console: views.run(console, run))


@app.command()
def start(
    context: typer.Context,
    workflow_id: WorkflowId,
    by: By,
    payload: Payload = None,
    metadata: Annotated[
        str | None, typer.Option(metavar="FILE|-|JSON", help="A JSON object to keep with the run.")
    ] = None,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    _json: AsJson = False,
) -> None:
    """Start a run of a workflow's latest version. Returns when it pauses, waits for a retry, or has ended.

    Prints the run's id and its snapshot.
    """
    session = Session.of(context)
    given = read_value(payload, "--payload")
    kept = read_object(metadata, "--metadata")
    values = read_globals(global_values or [])
    with session.ledger(running=True) as ledger, interruptible():
        run = ledger.runs.start(workflow_id, payload=given, by=by, metadata=kept, globals=values, step_limit=step_limit)
    _answer(session, run)


@app.command()
def resume(
    context: typer.Context,
    run_id: RunId,
    by: By,
    payload: Payload = None,
    global_values: Globals = None,
    step_limit: StepLimit = STEPS,
    _json: AsJson = False,
) -> None:
    """Go on with a paused run.

    Its node runs again, and sees the payload.
    """
    session = Session.of(context)
    given = read_value(payload, "--payload")
    values = read_globals(global_values or [])
    with session.ledger(running=True) as ledger, interruptible():
        run = ledger.runs.resume(run_id, payload=given, by=by, globals=values, step_limit=step_limit)
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
    """Retry now, or go on after an interruption.

    For a run that waits for an automatic retry, or whose process is gone. A run that has ended stays as it is.
    """
    session = Session.of(context)
    values = read_globals(global_values or [])
    with session.ledger(running=True) as ledger, interruptible():
        run = ledger.runs.proceed(run_id, by=by, globals=values, step_limit=step_limit)
    _answer(session, run)


@app.command()
def pause(context: typer.Context, run_id: RunId, by: By, reason: Reason = None, _json: AsJson = False) -> None:
    """Pause a run at its next step boundary.

    A step in flight is still recorded.
    """
    session = Session.of(context)
    with session.ledger() as ledger:
        run = ledger.runs.pause(run_id, by=by, reason=reason)
    _answer(session, run)


@app.command()
def cancel(context: typer.Context, run_id: RunId, by: By, reason: Reason = None, _json: AsJson = False) -> None:
    """End a run for good.

    A step in flight is still recorded.
    """
    session = Session.of(context)
    with session.ledger() as ledger:
        run = ledger.runs.cancel(run_id, by=by, reason=reason)
    _answer(session, run)
