"""Lists over all runs: work orders, steps, waits, failures, counts, acts, timings."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from .....projections.counts import Count
from .....projections.runs.audit_trail import Act
from .....projections.runs.open_waits import WaitSummary
from .....projections.runs.summary import WorkOrderSummary
from .....projections.steps.summary import FailureGroup, StepSummary
from ...presentation.documents import begins_document, row_document
from ..routes import ApiRoute
from .admission import Viewer
from .answers import Answer, list_answer
from .queries import FailureList, RunCounts, StepList, TimingsOf, Trail, WaitList, WorkOrderList
from .schemas import answers, listed, named

router = APIRouter(tags=["lists"], route_class=ApiRoute)


_REJECTED: Final = listed("workOrders", WorkOrderSummary) | {
    "description": "Work orders whose input was refused, so that they have no run: the newest of them"
}


@router.get("/work-orders", responses=answers(listed("workOrders", WorkOrderSummary)))
async def list_work_orders(call: Viewer, query: Annotated[WorkOrderList, Query()]) -> Answer:
    """List work orders, newest first."""
    return list_answer("workOrders", await call.ledger.history.awork_orders(**query.arguments()))


@router.get("/steps", responses=answers(listed("steps", StepSummary)))
async def list_steps(call: Viewer, query: Annotated[StepList, Query()]) -> Answer:
    """List the attempts at nodes of all runs, newest first. `longerThan` is in seconds."""
    return list_answer("steps", await call.ledger.history.asteps(**query.arguments()))


@router.get("/waits", responses=answers(listed("waits", WaitSummary)))
async def list_waits(call: Viewer, query: Annotated[WaitList, Query()]) -> Answer:
    """List the open waits of all runs, those first that were asked first."""
    return list_answer("waits", await call.ledger.history.awaits(**query.arguments()))


@router.get("/failures", responses=answers(listed("failures", FailureGroup, rejected=_REJECTED)))
async def list_failures(call: Viewer, query: Annotated[FailureList, Query()]) -> Answer:
    """List failures in groups of those that are alike, the largest first."""
    return list_answer("failures", await call.ledger.history.afailures(**query.arguments()))


@router.get("/counts", responses=answers(listed("counts", Count)))
async def count_runs(call: Viewer, query: Annotated[RunCounts, Query()]) -> Answer:
    """Count runs by a value that they have in common."""
    found = await call.ledger.history.acounts(**query.arguments())
    counted = [row_document(count) for count in found]
    return Answer({"counts": counted, "next": None} | begins_document(found.begins))


@router.get("/trail", responses=answers(listed("acts", Act)))
async def list_acts(call: Viewer, query: Annotated[Trail, Query()]) -> Answer:
    """List what actors did to workflows, runs and work orders, newest first."""
    return list_answer("acts", await call.ledger.history.atrail(**query.arguments()))


@router.get("/timings/{workflow}", responses=answers(named("Timings")))
async def get_timings(call: Viewer, workflow: str, query: Annotated[TimingsOf, Query()]) -> Answer:
    """How long a workflow's nodes take and wait, and how often they fail."""
    found = await call.ledger.history.atimings(workflow, **query.arguments())
    return Answer(found.to_data())
