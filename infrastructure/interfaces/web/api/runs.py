"""Runs: lists of them, and one run from every side."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from .....projections.runs.attempts import Attempt, attempts
from .....projections.runs.logs import log_text
from .....projections.runs.summary import RunSummary
from ...presentation.documents import event_document, row_document, run_document
from ..routes import ApiRoute
from ..site import site_of
from .admission import Viewer
from .answers import Answer, array_of, list_answer, not_changed
from .queries import AuditedPoint, Comparison, LogLines, PointInTime, RunList
from .schemas import NOT_CHANGED, answers, array, listed, named

router = APIRouter(prefix="/runs", tags=["runs"], route_class=ApiRoute)


@router.get("", responses=answers(listed("runs", RunSummary)))
async def list_runs(call: Viewer, query: Annotated[RunList, Query()]) -> Answer:
    """List runs, newest first, a page at a time. Every filter that is given must hold."""
    return list_answer("runs", await call.ledger.history.aruns(**query.arguments()))


@router.get("/{run}", responses=answers(named("Run")) | NOT_CHANGED)
async def get_run(call: Viewer, run: str, request: Request) -> Response:
    """A run as it stands, with its snapshot. Its ETag is its version."""
    found = await call.ledger.runs.aget(run)
    return not_changed(request, found.version) or Answer(run_document(found), version=found.version)


@router.get("/{run}/snapshot", responses=answers(named("Snapshot")))
async def get_snapshot(call: Viewer, run: str, query: Annotated[PointInTime, Query()]) -> Answer:
    """A run's state at a version, as of a time, or now."""
    snapshot = await call.ledger.history.asnapshot(run, **query.arguments())
    return Answer(snapshot.to_data())


@router.get("/{run}/events", responses=answers(array(named("Event"))))
async def list_events(call: Viewer, run: str) -> Response:
    """The events of a run, in order, as they come from the store."""
    events = call.ledger.history.aevents(run)
    return await array_of(_documents(events))


async def _documents(events: AsyncIterator[Any]) -> AsyncIterator[dict[str, Any]]:
    async for event in events:
        yield event_document(event)


@router.get("/{run}/steps", responses=answers(listed("steps", Attempt)))
async def list_attempts(call: Viewer, run: str, request: Request) -> Answer:
    """The attempts of a run, in order."""

    def read() -> Answer:
        found = attempts(call.ledger.history.events(run))
        return Answer({"steps": [row_document(attempt) for attempt in found], "next": None})

    return await site_of(request).threads.run(read)


@router.get("/{run}/logs", response_class=PlainTextResponse)
async def get_logs(call: Viewer, run: str, request: Request, query: Annotated[LogLines, Query()]) -> PlainTextResponse:
    """What a run's steps logged, as text to keep in a file: time (UTC), level, step and attempt, message."""

    def read() -> str:
        asked = (
            attempt
            for attempt in attempts(call.ledger.history.events(run))
            if query.node in (None, attempt.node_id) and query.attempt in (None, attempt.attempt)
        )
        return "".join(log_text(asked, query.level, query.text))

    name = f"run-{run}.log" if all(c.isascii() and (c.isalnum() or c in "-_") for c in run) else "run.log"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return PlainTextResponse(await site_of(request).threads.run(read), headers=headers)


@router.get("/{run}/diff", responses=answers(array(named("Operation"))))
async def compare_versions(call: Viewer, run: str, query: Annotated[Comparison, Query()]) -> Answer:
    """What changed from one version of a run to another, as a JSON Patch (RFC 6902)."""
    found = await call.ledger.history.adiff(run, query.a, query.b, query.ignore)
    return Answer(found.patch)


@router.get("/{run}/compare/{other}", responses=answers(named("RunComparison")))
async def compare_runs(
    call: Viewer, run: str, other: str, ignore: Annotated[list[str] | None, Query()] = None
) -> Answer:
    """Where two runs part, by node and attempt."""
    found = await call.ledger.history.acompare(run, other, ignore or ())
    return Answer(found.to_data())


@router.get("/{run}/audit", responses=answers(named("RunAudit")))
async def get_audit(call: Viewer, run: str, query: Annotated[AuditedPoint, Query()]) -> Answer:
    """Everything that it takes to defend a run."""
    found = await call.ledger.history.aaudit(run, **query.arguments())
    return Answer(found.to_data())


@router.get("/{run}/lineage", responses=answers(named("Lineage")))
async def get_lineage(call: Viewer, run: str) -> Answer:
    """The runs that a run comes from, and those that came from it."""
    found = await call.ledger.history.alineage(run)
    return Answer(found.to_data())
