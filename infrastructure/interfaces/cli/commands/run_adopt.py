"""``flowledger run adopt``."""

from typing import Annotated

import typer

from ...presentation.inputs import read_globals, read_object, split_workflow_version
from ..shared.answer import answer_run
from ..shared.options import STEPS, AsJson, By, Globals, StepLimit
from ..shared.session import Session, interruptible


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
    answer_run(session, run)
