"""``flowledger workflow``: save definitions, and show them as they were."""

from typing import Annotated

import typer

from ...domain.definition import WorkflowDefinition
from . import views
from .documents import workflow_document
from .inputs import named_version, read_document, read_moment
from .options import AsJson, At, By
from .session import Session

app = typer.Typer(help="Save workflows, and show them as they were.", rich_markup_mode=None)


@app.command()
def save(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The definition as JSON; - for stdin.")],
    workflow_id: Annotated[str, typer.Option("--id", metavar="ID", help="The workflow's id.")],
    by: By,
    message: Annotated[
        str | None, typer.Option("--message", "-m", metavar="MESSAGE", help="What changed, and why.")
    ] = None,
    expect: Annotated[
        int | None,
        typer.Option(min=0, metavar="VERSION", help="Refuse unless this is the latest version; 0: there is none yet."),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Save a definition. A save that changes nothing adds no version.

    With --app, node types must be registered there, and the code of their executors is recorded as well.
    """
    session = Session.of(context)
    # Checked before the store is opened: a faulty definition doesn't even make a new store.
    definition = WorkflowDefinition.model_validate(read_document(file))
    with session.ledger(create=True) as ledger:
        saved = ledger.workflows.save(
            definition, workflow_id=workflow_id, by=by, message=message, expected_version=expect
        )
    session.answer(workflow_document(saved), lambda console: views.workflow_saved(console, saved))


@app.command()
def show(
    context: typer.Context,
    workflow: Annotated[str, typer.Argument(metavar="ID[@VERSION]", help="By default the latest version.")],
    at: At = None,
    _json: AsJson = False,
) -> None:
    """Show a definition as it was saved: its nodes and edges, who saved it and when."""
    session = Session.of(context)
    workflow_id, version = named_version(workflow)
    moment = read_moment(at)
    with session.ledger() as ledger:
        found = ledger.workflows.get(workflow_id, version=version, at=moment)
    session.answer(workflow_document(found), lambda console: views.workflow(console, found))
