"""Filters of History that are saved under a name, for everybody who uses the store."""

from typing import Any, Final

from fastapi import APIRouter
from starlette.datastructures import QueryParams
from starlette.requests import Request

from ....ledger.ledger import views_of
from ..pages.history_filters import read_filters
from ..pages.saved_filters import query_text, saved_filters
from ..requests import Call
from ..routes import ApiRoute
from ..site import site_of
from .admission import Operator, Viewer
from .answers import Answer
from .bodies import Body
from .schemas import answers

router = APIRouter(prefix="/filters", tags=["filters"], route_class=ApiRoute)

_SAVED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "query", "by"],
    "properties": {
        "name": {"type": "string"},
        "query": {
            "type": "object",
            "description": "Of the address of History, and of the lists of the API",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "by": {"type": "string", "description": "Who saved them"},
    },
    "additionalProperties": False,
}
_ALL: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["filters"],
    "properties": {"filters": {"type": "array", "items": _SAVED}},
}


class NewFilters(Body):
    """Filters as an address of History has them behind `?`, and the name to save them under."""

    name: str
    query: str


class NewName(Body):
    """What they are to be called."""

    to: str


@router.get("", responses=answers(_ALL))
async def list_filters(call: Viewer, request: Request) -> Answer:
    """List the filters that were saved, by their names."""
    return await _all(call, request)


@router.post("", status_code=201, responses=answers(_ALL, 201))
async def save(call: Operator, request: Request, body: NewFilters) -> Answer:
    """Save filters under a name that is free; a time such as `7d` stays one from now on. The answer lists all."""
    query = query_text(read_filters(QueryParams(body.query)))
    await site_of(request).threads.run(views_of(call.ledger).save, body.name, query, by=call.by)
    return await _all(call, request, 201)


@router.post("/{name}/rename", responses=answers(_ALL))
async def rename(call: Operator, request: Request, name: str, body: NewName) -> Answer:
    """Give them another name, which is free."""
    await site_of(request).threads.run(views_of(call.ledger).rename, name, body.to, by=call.by)
    return await _all(call, request)


@router.delete("/{name}", responses=answers(_ALL))
async def delete(call: Operator, request: Request, name: str) -> Answer:
    """Take them off the list."""
    await site_of(request).threads.run(views_of(call.ledger).delete, name, by=call.by)
    return await _all(call, request)


async def _all(call: Call, request: Request, status: int = 200) -> Answer:
    saved = await site_of(request).threads.run(saved_filters, call.ledger)
    return Answer({"filters": [{"name": each.name, "query": each.query, "by": each.by} for each in saved]}, status)
