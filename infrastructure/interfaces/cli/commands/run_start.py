"""``flowledger run start``."""

from typing import Annotated

import typer

from ...presentation.inputs import read_globals, read_object, read_value
from ..shared.answer import answer_run
from ..shared.options import STEPS, AsJson, By, Globals, Payload, StepLimit, WorkflowId
from ..shared.session import Session, interruptible


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
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="TEXT", help="A second start with this key and payload returns the first run."),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Start a run of a workflow's latest version. Returns when it pauses, waits for a retry, or has ended.

    Prints the run's id and its snapshot.
    """
    session = Session.of(context)
    given = read_value(payload, "--payload")
    kept = read_object(metadata, "--metadata")
    values = read_globals(global_values or [])
    with session.open_ledger(running=True) as ledger, interruptible():
        run = ledger.runs.start(
            workflow_id, payload=given, by=by, metadata=kept, globals=values, step_limit=step_limit, idempotency_key=key
        )
    answer_run(session, run)
