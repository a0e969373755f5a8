"""``flowledger workflow``: save and release definitions, show them as they were, compare them, archive them."""

from pathlib import Path
from typing import Annotated

import typer

from .....domain.errors import InvalidRequest
from .....domain.visible import quoted
from ....files.format import Format
from ...presentation.documents import (
    row_columns,
    row_values,
    version_document,
    workflow_document,
    workflow_summary_document,
)
from ...presentation.inputs import STDIN, read_moment, read_version, read_workflow, split_workflow_version
from ..shared.options import AsCsv, AsJson, At, By, Reason, WorkflowAt, WorkflowId
from ..shared.session import Session
from ..views import diff as diff_views
from ..views import workflow as views

app = typer.Typer(help="Save workflows, and show them as they were.", rich_markup_mode=None)


def register(parent: typer.Typer) -> None:
    """Add the commands, as a group."""
    parent.add_typer(app, name="workflow")


Message = Annotated[str | None, typer.Option("--message", "-m", metavar="MESSAGE", help="What changed, and why.")]

Expect = Annotated[
    str | None,
    typer.Option(metavar="VERSION", help="Refuse unless this is the latest version; 0: there is none yet."),
]

Seen = Annotated[
    str | None, typer.Option("--expect", metavar="VERSION", help="Refuse unless this is still the latest version.")
]

Key = Annotated[
    str | None, typer.Option("--key", metavar="TEXT", help="The same command again, with this key, writes nothing.")
]


@app.command()
def save(
    context: typer.Context,
    path: Annotated[
        str,
        typer.Argument(metavar="PATH", help="The definition: a JSON or YAML file, an exported folder, - for stdin."),
    ],
    workflow_id: Annotated[str, typer.Option("--id", metavar="ID", help="The workflow's id.")],
    by: By,
    message: Message = None,
    expect: Expect = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Merge this change with what others saved since the version it is based on.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The workflow's name for people.", show_default="as it is")
    ] = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="Leave the live version, which runs start with, as it is.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Save it whatever others saved since.")] = False,
    key: Key = None,
    _json: AsJson = False,
) -> None:
    """Save a definition. A save that changes nothing adds no version.

    With --app, node types must be registered there, and the code of their executors is recorded as well. A folder that
    was exported remembers its version: the save is refused where others saved since. --expect names another version.
    """
    session = Session.of(context)
    from ....files.base import read_base

    # Checked before the store is opened: a faulty definition doesn't even make a new store.
    definition = read_workflow(path)
    source = None if path == STDIN else Path(path)
    base = None if source is None else read_base(source)
    if merge and expect is None and (base is None or base.workflow_id != workflow_id):
        raise InvalidRequest("--merge needs --expect VERSION: the version that this change was based on")
    expected = None if expect is None else read_version(expect)
    with session.open_ledger(create=True) as ledger:
        saved = ledger.workflows.save(
            definition if source is None or base is None else source,
            workflow_id=workflow_id,
            by=by,
            message=message,
            expected_version=expected,
            merge=merge,
            name=name,
            draft=draft,
            force=force,
            idempotency_key=key,
        )
    session.answer(workflow_document(saved), lambda console: views.print_saved(console, saved))


@app.command()
def show(context: typer.Context, workflow: WorkflowAt, at: At = None, _json: AsJson = False) -> None:
    """Show a definition as it was saved: its nodes and edges, who saved it and when."""
    session = Session.of(context)
    workflow_id, version = split_workflow_version(workflow)
    moment = read_moment(at)
    with session.open_ledger() as ledger:
        found = ledger.workflows.get(workflow_id, version=version, at=moment)
    session.answer(workflow_document(found), lambda console: views.print_workflow(console, found))


@app.command()
def list(
    context: typer.Context,
    archived: Annotated[bool, typer.Option("--archived", help="List archived ones too.")] = False,
    after: Annotated[str | None, typer.Option(metavar="ID", help="Begin after this id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, metavar="N", help="Workflows of one page.")] = 50,
    csv: AsCsv = False,
    _json: AsJson = False,
) -> None:
    """List workflows by id: their last save, who made it and when."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        page = ledger.workflows.list(archived=archived, after=after, limit=limit)
    if csv:
        from .....projections.runs.summary import WorkflowSummary

        following = None if page.next is None else f"--after {page.next!r}"
        session.print_csv(row_columns(WorkflowSummary), map(row_values, page), following)
    else:
        document = {"workflows": [workflow_summary_document(row) for row in page], "next": page.next}
        session.answer(document, lambda console: views.print_workflows(console, page, page.next))


@app.command()
def versions(context: typer.Context, workflow_id: WorkflowId, csv: AsCsv = False, _json: AsJson = False) -> None:
    """List every version of a workflow: who did what to it when, what each save changed, which is live."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        found = ledger.workflows.versions(workflow_id)
    if csv:
        from .....domain.workflow import WorkflowVersion

        rows = ([*row_values(version), str(version.changes)] for version in found)
        session.print_csv([*row_columns(WorkflowVersion), "summary"], rows)
    else:
        documents = [version_document(version) for version in found]
        session.answer(documents, lambda console: views.print_versions(console, workflow_id, found))


@app.command()
def diff(
    context: typer.Context,
    workflow_id: WorkflowId,
    before: Annotated[str, typer.Argument(metavar="A", help="A version or snapshot id.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    _json: AsJson = False,
) -> None:
    """Show what differs from version A to version B: nodes, edges, values, and lines of code."""
    session = Session.of(context)
    with session.open_ledger() as ledger:
        found = ledger.workflows.diff(workflow_id, read_version(before), read_version(after))
    session.answer(
        {**found.to_data(), "patch": found.patch}, lambda console: diff_views.print_diff(console, found.lines())
    )


@app.command()
def release(
    context: typer.Context,
    workflow: Annotated[
        str, typer.Argument(metavar="ID[@VERSION]", help="With a version or snapshot id, or latest: that one.")
    ],
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="The same, apart from the id.", show_default=False)
    ] = None,
    *,
    by: By,
    message: Message = None,
    expect: Seen = None,
    key: Key = None,
    _json: AsJson = False,
) -> None:
    """Make a version the live one, which runs start with. An older one takes a bad version back."""
    session = Session.of(context)
    expected = None if expect is None else read_version(expect)
    # No workflow's id has an @, so one in it is refused as any other that can't be one.
    workflow_id, chosen = split_workflow_version(workflow) if version is None else (workflow, read_version(version))
    if chosen is None:
        raise InvalidRequest(f"which version is to be live? give one: {quoted(f'{workflow_id}@latest')}")
    with session.open_ledger() as ledger:
        released = ledger.workflows.release(workflow_id, chosen, by, message, expected, key)
    session.answer(workflow_document(released), lambda console: views.print_released(console, released))


@app.command()
def archive(
    context: typer.Context,
    workflow_id: WorkflowId,
    by: By,
    reason: Reason = None,
    expect: Seen = None,
    key: Key = None,
    _json: AsJson = False,
) -> None:
    """Archive a workflow: it can be read, but neither saved nor started.

    Runs that have begun continue.
    """
    session = Session.of(context)
    expected = None if expect is None else read_version(expect)
    with session.open_ledger() as ledger:
        archived = ledger.workflows.archive(workflow_id, by, reason, expected, key)
    session.answer(workflow_document(archived), lambda console: views.print_saved(console, archived))


@app.command()
def restore(
    context: typer.Context,
    workflow: Annotated[
        str, typer.Argument(metavar="ID[@VERSION]", help="With a version or snapshot id: make that the newest one.")
    ],
    by: By,
    message: Message = None,
    expect: Seen = None,
    key: Key = None,
    _json: AsJson = False,
) -> None:
    """Take a workflow out of the archive, or make an old version the latest one.

    With --app, node types of the old version must be registered there.
    """
    session = Session.of(context)
    workflow_id, version = split_workflow_version(workflow)
    expected = None if expect is None else read_version(expect)
    with session.open_ledger(writing=True) as ledger:
        found = ledger.workflows.restore(workflow_id, by, version, message, expected, key)
    session.answer(workflow_document(found), lambda console: views.print_saved(console, found))


@app.command()
def rename(
    context: typer.Context,
    workflow_id: WorkflowId,
    name: Annotated[str, typer.Argument(metavar="NAME", help='The new name; "" removes the name.')],
    by: By,
    expect: Seen = None,
    key: Key = None,
    _json: AsJson = False,
) -> None:
    """Give a workflow another name. Its id and its definition stay."""
    session = Session.of(context)
    expected = None if expect is None else read_version(expect)
    with session.open_ledger() as ledger:
        renamed = ledger.workflows.rename(workflow_id, name or None, by, expected, key)
    session.answer(workflow_document(renamed), lambda console: views.print_saved(console, renamed))


@app.command()
def export(
    context: typer.Context,
    workflow: WorkflowAt,
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file that ends in .json or .yaml, or a folder.")],
    format: Annotated[
        Format | None, typer.Option(metavar="json|yaml", help="Of a folder.", show_default="as it is there, or json")
    ] = None,
    with_executors: Annotated[
        bool, typer.Option("--with-executors", help="Write the source of executors too, for reading only.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that is neither empty nor an export.")
    ] = False,
    _json: AsJson = False,
) -> None:
    """Write a definition to a file, or to a folder with the code of its nodes in files.

    The same definition gives the same bytes. In a folder, only files of an earlier export are replaced or removed.
    """
    session = Session.of(context)
    workflow_id, version = split_workflow_version(workflow)
    with session.open_ledger() as ledger:
        written = ledger.workflows.export(
            workflow_id, path, version, format=format, with_executors=with_executors, force=force
        )
    document = {
        "workflowId": written.workflow_id,
        "version": written.version,
        "snapshotId": written.snapshot_id,
        "path": path,
    }
    session.answer(document, lambda console: views.print_exported(console, written, path), written=path)
