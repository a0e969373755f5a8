"""``flowledger run start``."""

from typing import Annotated

import typer

from .....domain.errors import InvalidRequest
from ...presentation.inputs import (
    read_globals,
    read_moment,
    read_object,
    read_value,
    read_version,
    split_workflow_version,
)
from ..shared.answer import answer_run
from ..shared.options import STEPS, AsJson, By, Globals, Payload, StepLimit
from ..shared.session import Session, interruptible


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
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker, and return at once.")] = False,
    priority: Annotated[
        int, typer.Option(metavar="N", help="Of runs that are due, workers take those with the larger one first.")
    ] = 0,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="With --queue: when it may begin at the earliest.")
    ] = None,
    trigger: Annotated[
        str | None,
        typer.Option(metavar="FILE|-|JSON", help='What made you start it: an object with a "kind", kept with the run.'),
    ] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Whom the data is about: it is encrypted until `erase`. May be repeated."),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Start a run of a workflow's live version. Returns when it pauses, waits for a retry, or has ended.

    Prints the run's id and its snapshot.
    """
    run_at = read_moment(at, "--at")
    session = Session.of(context)
    workflow_id, named = split_workflow_version(workflow)
    if named is not None and version is not None:
        raise InvalidRequest(f"the version is given twice: {workflow!r} and --version {version}")
    asked = named if version is None else read_version(version)
    given = read_value(payload, "--payload")
    kept = read_object(metadata, "--metadata")
    cause = None if trigger is None else read_object(trigger, "--trigger")
    values = read_globals(global_values or [])
    with session.open_ledger(running=not queue) as ledger, interruptible():
        run = ledger.runs.start(
            workflow_id,
            payload=given,
            by=by,
            metadata=kept,
            globals=values,
            step_limit=step_limit,
            idempotency_key=key,
            version=asked,
            wait=not queue,
            priority=priority,
            run_at=run_at,
            trigger=cause,
            subject=subject,
        )
    answer_run(session, run)
