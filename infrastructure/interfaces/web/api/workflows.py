"""Workflows: their definitions, versions, and runs to start."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from .....domain.errors import InvalidRequest
from .....domain.workflow import StaleVersion, WorkflowSnapshot
from .....projections.runs.summary import WorkflowSummary
from ...presentation.documents import (
    run_document,
    version_document,
    workflow_document,
)
from ...presentation.inputs import read_moment, read_version
from ..old_snapshots import acheck_version_to_start
from ..routes import ApiRoute
from ..security.refusals import Refusal
from .admission import Admin, Editor, Operator, Viewer
from .answers import Answer, list_answer, not_changed
from .bodies import Because, Release, Rename, Restore, SaveWorkflow, Start
from .preconditions import Given
from .queries import Moment, WorkflowList
from .schemas import NOT_CHANGED, answers, array, listed, named

router = APIRouter(prefix="/workflows", tags=["workflows"], route_class=ApiRoute)

_WORKFLOW: Final = answers(named("Workflow"))


@router.get("", responses=answers(listed("workflows", WorkflowSummary)))
async def list_workflows(call: Viewer, query: Annotated[WorkflowList, Query()]) -> Answer:
    """List workflows, in order of their ids."""
    return list_answer("workflows", await call.ledger.workflows.alist(**query.arguments()))


@router.get("/{workflow}", responses=_WORKFLOW | NOT_CHANGED)
async def get_workflow(
    call: Viewer, workflow: str, request: Request, at: Moment | None = None, version: str | None = None
) -> Response:
    """A workflow's latest version, another one, or as of a time. The ETag is the version."""
    number = None if version is None else read_version(version)
    found = await call.ledger.workflows.aget(workflow, number, read_moment(at, "at"))
    return not_changed(request, found.version) or _answer(found)


@router.get("/{workflow}/versions", responses=answers(array(named("WorkflowVersion"))))
async def list_versions(call: Viewer, workflow: str) -> Answer:
    """Every version, oldest first."""
    return Answer([version_document(version) for version in await call.ledger.workflows.aversions(workflow)])


@router.get("/{workflow}/versions/{version}", responses=_WORKFLOW)
async def get_version(call: Viewer, workflow: str, version: str) -> Answer:
    """One version: a number, a snapshot id, `live` or `latest`."""
    return _answer(await call.ledger.workflows.aget(workflow, read_version(version)))


@router.get("/{workflow}/diff", responses=answers(named("WorkflowDiff")))
async def compare_versions(call: Viewer, workflow: str, a: str, b: str) -> Answer:
    """What changed between two versions, by node id and edge id."""
    found = await call.ledger.workflows.adiff(workflow, read_version(a), read_version(b))
    return Answer(found.to_data())


@router.put("/{workflow}", responses=answers(named("Workflow"), 200, 201))
async def save_workflow(
    call: Editor,
    workflow: str,
    given: Given,
    body: SaveWorkflow,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Answer:
    """Save a definition as a new version. `If-Match` names the version that it is based on; a new workflow has none."""
    if if_none_match not in (None, "*") or (if_none_match is not None and given.expected_version is not None):
        raise InvalidRequest("If-None-Match is * for a workflow that isn't there yet, and stands alone")
    arguments = {**body.arguments(), **given.arguments()}
    is_new = given.expected_version is None
    if is_new:
        arguments["expected_version"] = 0
    try:
        saved = await call.ledger.workflows.asave(workflow_id=workflow, by=call.by, **arguments)
    except StaleVersion as stale:
        if is_new and if_none_match is None:
            raise _precondition_required(workflow, stale) from stale
        raise
    return _answer(saved, 201 if is_new and saved.version == 1 else 200)


def _precondition_required(workflow: str, stale: StaleVersion) -> Refusal:
    return Refusal(
        428,
        "Precondition required",
        f"workflow {workflow!r} is there, at version {stale.actual}: say with If-Match which version your change is "
        "based on",
        actual=stale.actual,
    )


@router.post("/{workflow}/runs", responses=answers(named("Run"), 200, 201))
async def start_run(call: Operator, workflow: str, given: Given, body: Start | None = None) -> Answer:
    """Start a run of the live version, or of the latest; an old snapshot isn't run."""
    if given.expected_version is not None:
        raise InvalidRequest("a start takes no If-Match: name the version that is to run as version")
    arguments: dict[str, Any] = {} if body is None else body.arguments()
    if "run_at" in arguments:
        arguments["run_at"] = read_moment(arguments["run_at"], "runAt")
    await acheck_version_to_start(call.ledger, workflow, arguments.get("version"), given.idempotency_key)
    run = await call.ledger.runs.astart(workflow, by=call.by, idempotency_key=given.idempotency_key, **arguments)
    location = call.links.api(f"/runs/{run.id}")
    return Answer(run_document(run), 201 if run.created else 200, version=run.version, Location=location)


@router.post("/{workflow}/rename", responses=_WORKFLOW)
async def rename(call: Editor, workflow: str, given: Given, body: Rename) -> Answer:
    """Give a workflow another name."""
    return _answer(await call.ledger.workflows.arename(workflow, body.name, call.by, **given.arguments()))


@router.post("/{workflow}/release", responses=_WORKFLOW)
async def release(call: Editor, workflow: str, given: Given, body: Release) -> Answer:
    """Make a version the live one, which runs start with."""
    arguments = {**body.arguments(), **given.arguments()}
    return _answer(await call.ledger.workflows.arelease(workflow, by=call.by, **arguments))


@router.post("/{workflow}/archive", responses=_WORKFLOW)
async def archive(call: Admin, workflow: str, given: Given, body: Because | None = None) -> Answer:
    """Archive a workflow: it can be read, but neither saved nor started."""
    arguments = {**({} if body is None else body.arguments()), **given.arguments()}
    return _answer(await call.ledger.workflows.aarchive(workflow, by=call.by, **arguments))


@router.post("/{workflow}/restore", responses=_WORKFLOW)
async def restore(call: Admin, workflow: str, given: Given, body: Restore | None = None) -> Answer:
    """Take a workflow out of the archive, or make the definition of a version the latest again."""
    arguments = {**({} if body is None else body.arguments()), **given.arguments()}
    return _answer(await call.ledger.workflows.arestore(workflow, by=call.by, **arguments))


def _answer(found: WorkflowSnapshot, status: int = 200) -> Answer:
    return Answer(workflow_document(found), status, version=found.version)
