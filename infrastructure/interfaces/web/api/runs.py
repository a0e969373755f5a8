"""Runs: lists of them, and one run from every side."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from ...presentation.documents import row_document, run_document
from ...presentation.inputs import read_moment, read_version
from .admission import Viewer
from .answers import Answer

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("")
async def list_runs(
    call: Viewer,
    workflow_id: Annotated[str | None, Query(alias="workflowId")] = None,
    version: str | None = None,
    status: Annotated[list[str] | None, Query()] = None,
    node: str | None = None,
    error_type: Annotated[str | None, Query(alias="errorType")] = None,
    by: str | None = None,
    since: str | None = None,
    until: str | None = None,
    text: str | None = None,
    where: Annotated[list[str] | None, Query()] = None,
    as_of: Annotated[str | None, Query(alias="asOf")] = None,
    due_before: Annotated[str | None, Query(alias="dueBefore")] = None,
    held: bool | None = None,
    queued: bool | None = None,
    owner: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Answer:
    """List runs, newest first, a page at a time. Every filter that is given must hold."""
    page = await call.ledger.history.aruns(
        workflow_id=workflow_id,
        version=None if version is None else read_version(version),
        status=status,
        node=node,
        error_type=error_type,
        by=by,
        since=_time(since, "since"),
        until=_time(until, "until"),
        text=text,
        where=where or (),
        as_of=_time(as_of, "asOf"),
        due_before=_time(due_before, "dueBefore"),
        held=held,
        queued=queued,
        owner=owner,
        after=after,
        limit=limit,
    )
    document: dict[str, Any] = {"runs": [row_document(row) for row in page], "next": page.next}
    if page.behind is not None:
        document["behind"] = page.behind
    return Answer(document)


@router.get("/{run}")
async def get_run(call: Viewer, run: str) -> Answer:
    """A run as it stands, with its snapshot."""
    found = await call.ledger.runs.aget(run)
    return Answer(run_document(found), version=found.version)


def _time(text: str | None, name: str) -> datetime | None:
    return read_moment(text, name)
