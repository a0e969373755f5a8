"""How the store stands, for machines that watch it."""

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

from .....projections.status.prometheus import metrics_text
from ..routes import ApiRoute
from .admission import Viewer
from .answers import Answer
from .schemas import answers, named

router = APIRouter(tags=["status"], route_class=ApiRoute)


@router.get("/health", responses=answers(named("Health"), 200, 503))
async def get_health(call: Viewer) -> Answer:
    """Whether this process can work: 503 where it can't."""
    found = await call.ledger.ahealth()
    return Answer(found.to_data(), 200 if found.ok else 503)


@router.get("/status", responses=answers(named("Status")))
async def get_status(call: Viewer) -> Answer:
    """Workers, what is to be done, what is late, what nobody can do."""
    found = await call.ledger.astatus()
    return Answer(found.to_data())


@router.get("/metrics", response_class=PlainTextResponse)
async def get_metrics(call: Viewer) -> PlainTextResponse:
    """The same as Prometheus reads it."""
    text = metrics_text(await call.ledger.astatus())
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")
