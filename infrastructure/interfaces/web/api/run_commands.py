"""Commands on runs. The actor is whoever asks."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from .....projections.runs.run import Run
from ...presentation.documents import run_document
from ..routes import ApiRoute
from .admission import Operator
from .answers import Answer
from .bodies import Because, Body, Execution, Fork, Metadata, Note, Reproduce, Resume, Retry
from .preconditions import Given
from .schemas import answers, named

router = APIRouter(prefix="/runs/{run}", tags=["commands"], route_class=ApiRoute)

_RUN: Final = answers(named("Run"))
_MADE: Final = answers(named("Run"), 200, 201)


@router.post("/resume", responses=_RUN)
async def resume(call: Operator, run: str, given: Given, body: Resume) -> Answer:
    """Answer what a paused run waits for, and go on with it."""
    return _answer(await call.ledger.runs.aresume(run, by=call.by, **_arguments(body, given)))


@router.post("/hold", responses=_RUN)
async def hold(call: Operator, run: str, given: Given, body: Because | None = None) -> Answer:
    """Hold a run: nothing is executed and no answer taken until it is released."""
    return _answer(await call.ledger.runs.ahold(run, by=call.by, **_arguments(body, given)))


@router.post("/release", responses=_RUN)
async def release(call: Operator, run: str, given: Given, body: Note | None = None) -> Answer:
    """Lift a hold."""
    return _answer(await call.ledger.runs.arelease(run, by=call.by, **_arguments(body, given)))


@router.post("/cancel", responses=_RUN)
async def cancel(call: Operator, run: str, given: Given, body: Because | None = None) -> Answer:
    """End a run for good."""
    return _answer(await call.ledger.runs.acancel(run, by=call.by, **_arguments(body, given)))


@router.post("/proceed", responses=_RUN)
async def proceed(call: Operator, run: str, given: Given, body: Execution | None = None) -> Answer:
    """Retry now what waits for it, or continue after an interruption."""
    return _answer(await call.ledger.runs.aproceed(run, by=call.by, **_arguments(body, given)))


@router.post("/retry", responses=answers({"anyOf": [named("Run"), named("RetryPreview")]}, 200, 201))
async def retry(
    call: Operator, run: str, given: Given, body: Retry | None = None, preview: Annotated[bool, Query()] = False
) -> Answer:
    """Start a new run on the same work order with the live version; `preview=true` only says what would run."""
    arguments = _arguments(body, given)
    if preview:
        planned = await call.ledger.runs.aretry(run, by=call.by, preview=True, **arguments)
        return Answer(planned.to_data())
    return _created(await call.ledger.runs.aretry(run, by=call.by, **arguments), call.links.api)


@router.post("/reproduce", responses=_MADE)
async def reproduce(call: Operator, run: str, given: Given, body: Reproduce | None = None) -> Answer:
    """Execute a run once more with its own version, to find out why it ended as it did."""
    made = await call.ledger.runs.areproduce(run, by=call.by, **_arguments(body, given))
    return _created(made, call.links.api)


@router.post("/fork", responses=_MADE)
async def fork(call: Operator, run: str, given: Given, body: Fork | None = None) -> Answer:
    """Start a new run from the state of this one at a version."""
    return _created(await call.ledger.runs.afork(run, by=call.by, **_arguments(body, given)), call.links.api)


@router.post("/metadata", responses=_RUN)
async def set_metadata(call: Operator, run: str, given: Given, body: Metadata) -> Answer:
    """Merge metadata into the run's."""
    return _answer(await call.ledger.runs.aset_metadata(run, by=call.by, **_arguments(body, given)))


def _arguments(body: Body | None, given: Given) -> dict[str, Any]:
    return {**({} if body is None else body.arguments()), **given.arguments()}


def _answer(run: Run) -> Answer:
    return Answer(run_document(run), version=run.version)


def _created(run: Run, api: Any) -> Answer:
    status = 201 if run.created else 200
    return Answer(run_document(run), status, version=run.version, Location=api(f"/runs/{run.id}"))
