"""Bulk actions: asked for, watched, stopped. The actor is whoever asks."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from .....projections.bulk_action import BulkAction, BulkActionItem
from ...presentation.documents import row_document
from ..routes import ApiRoute
from .admission import Operator, Viewer
from .answers import Answer, list_answer
from .bodies import Because, Body
from .preconditions import Key
from .queries import Paged, RunFilters
from .schemas import answers, listed, named

router = APIRouter(prefix="/bulk", tags=["bulk"], route_class=ApiRoute)


class Request(Body):
    """What is to be done with which runs: `runs` are ids, or `matching` holds the filters of `GET /api/runs`."""

    act: Literal["retry", "cancel"]
    runs: list[str] | None = None
    matching: RunFilters | None = None
    from_node: str | None = None
    reason: str | None = None
    digest: str | None = None

    def of_runs(self) -> dict[str, Any]:
        """What a preview takes of it. Raises InvalidRequest."""
        matching = None if self.matching is None else self.matching.arguments()
        return {"act": self.act, "runs": self.runs, "matching": matching, "from_node": self.from_node}


class ItemList(Paged):
    """Which runs of it: `outcome` is `retried`, `cancelled`, `skipped`, `refused` or `open`, `status` that of now."""

    outcome: str | None = None
    status: str | None = None


@router.post("", responses=answers({"anyOf": [named("BulkAction"), named("BulkPreview")]}, 200, 201))
async def request(call: Operator, body: Request, key: Key, preview: Annotated[bool, Query()] = False) -> Answer:
    """Ask to retry or cancel many runs, which this process or a worker then does; `preview=true` only counts them.

    With the `digest` of a preview it is refused where other runs match by then.
    """
    if preview:
        return Answer(row_document(await call.ledger.bulk.apreview(**body.of_runs())))
    made = await call.ledger.bulk.arequest(
        **body.of_runs(), by=call.by, reason=body.reason, idempotency_key=key, digest=body.digest
    )
    call.work_on_bulk()
    status = 201 if made.created else 200
    return Answer(row_document(made), status, Location=call.links.api(f"/bulk/{made.id}"))


@router.get("", responses=answers(listed("bulk", BulkAction)))
async def list_actions(call: Viewer, query: Annotated[Paged, Query()]) -> Answer:
    """List bulk actions, newest first."""
    return list_answer("bulk", await call.ledger.bulk.alist(**query.arguments()))


@router.get("/{id}", responses=answers(named("BulkAction")))
async def get(call: Viewer, id: str) -> Answer:
    """A bulk action as it stands: how many runs have which result, and how the new runs stand."""
    return Answer(row_document(await call.ledger.bulk.aget(id)))


@router.get("/{id}/items", responses=answers(listed("items", BulkActionItem)))
async def list_items(call: Viewer, id: str, query: Annotated[ItemList, Query()]) -> Answer:
    """List its runs, in the order in which they are worked on, with what became of each."""
    return list_answer("items", await call.ledger.bulk.aitems(id, **query.arguments()))


@router.post("/{id}/stop", responses=answers(named("BulkAction")))
async def stop(call: Operator, id: str, body: Because | None = None) -> Answer:
    """Stop it behind the run that is worked on now."""
    reason = None if body is None else body.reason
    return Answer(row_document(await call.ledger.bulk.astop(id, by=call.by, reason=reason)))
