"""Lists over all runs: work orders, steps, waits, failures, counts, acts, timings."""

from typing import Annotated

from fastapi import APIRouter, Query

from ...presentation.documents import row_document
from ..routes import ApiRoute
from .admission import Viewer
from .answers import Answer, list_answer
from .queries import FailureList, RunCounts, StepList, TimingsOf, Trail, WaitList, WorkOrderList

router = APIRouter(tags=["lists"], route_class=ApiRoute)


@router.get("/work-orders")
async def list_work_orders(call: Viewer, query: Annotated[WorkOrderList, Query()]) -> Answer:
    """List work orders, newest first."""
    return list_answer("workOrders", await call.ledger.history.awork_orders(**query.arguments()))


@router.get("/steps")
async def list_steps(call: Viewer, query: Annotated[StepList, Query()]) -> Answer:
    """List the attempts at nodes of all runs, newest first. `longerThan` is in seconds."""
    return list_answer("steps", await call.ledger.history.asteps(**query.arguments()))


@router.get("/waits")
async def list_waits(call: Viewer, query: Annotated[WaitList, Query()]) -> Answer:
    """List the open waits of all runs, those first that were asked first."""
    return list_answer("waits", await call.ledger.history.awaits(**query.arguments()))


@router.get("/failures")
async def list_failures(call: Viewer, query: Annotated[FailureList, Query()]) -> Answer:
    """List failures in groups of those that are alike, the largest first."""
    return list_answer("failures", await call.ledger.history.afailures(**query.arguments()))


@router.get("/counts")
async def count_runs(call: Viewer, query: Annotated[RunCounts, Query()]) -> Answer:
    """Count runs by a value that they have in common."""
    found = await call.ledger.history.acounts(**query.arguments())
    return Answer({"counts": [row_document(count) for count in found], "next": None})


@router.get("/trail")
async def list_acts(call: Viewer, query: Annotated[Trail, Query()]) -> Answer:
    """List what actors did to workflows, runs and work orders, newest first."""
    return list_answer("acts", await call.ledger.history.atrail(**query.arguments()))


@router.get("/timings/{workflow}")
async def get_timings(call: Viewer, workflow: str, query: Annotated[TimingsOf, Query()]) -> Answer:
    """How long a workflow's nodes take and wait, and how often they fail."""
    found = await call.ledger.history.atimings(workflow, **query.arguments())
    return Answer(found.to_data())
