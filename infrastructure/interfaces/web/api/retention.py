"""What is taken away from a store, and what must stay: policies, legal holds, erasure."""

from typing import Any

from fastapi import APIRouter

from ...presentation.documents import row_document
from ...presentation.policies import read_policy
from ..routes import ApiRoute
from .admission import Admin, Viewer
from .answers import Answer
from .bodies import Body
from .queries import Id
from .schemas import answers, array, named

router = APIRouter(tags=["retention"], route_class=ApiRoute)


class Policy(Body):
    """Which runs may go: all of it must apply. `olderThan` is a length of time, such as `90d`."""

    older_than: str | None = None
    status: list[str] | None = None
    """By default those that have completed."""
    workflow_id: str | None = None
    keep_last: int | None = None
    max_bytes: int | None = None
    archived_workflows: bool = False
    """Archived workflows go, too, once they have no work orders left."""
    everything: bool = False


class AppliedPolicy(Policy):
    """The same, and why it is applied."""

    reason: str | None = None


class NewHold(Body):
    """On a run, by its whole id, or on all runs of a subject; and why."""

    run_id: str | None = None
    subject: str | None = None
    reason: str


class LiftedHold(Body):
    """The run or the subject that it is on."""

    run_id: str | None = None
    subject: str | None = None
    reason: str | None = None


class ErasedSubject(Body):
    """The subject, as its runs were started with. With `dryRun` nothing is done, and each place is told."""

    subject: str
    reason: str | None = None
    dry_run: bool = False


def _list_of(name: str, row: str) -> dict[str, Any]:
    return {"type": "object", "required": [name], "properties": {name: array(named(row))}}


@router.get("/retention/removals", responses=answers(_list_of("removals", "RemovedHistory")))
async def list_removals(call: Viewer) -> Answer:
    """List what was removed under policies so far, in the order in which it went."""
    return Answer({"removals": [row_document(each) for each in await call.ledger.retention.aremovals()]})


@router.get("/retention/holds", responses=answers(_list_of("holds", "PlacedHold")))
async def list_holds(call: Viewer, run: Id | None = None) -> Answer:
    """List the legal holds that stand, those first that were placed first; `run`: those that keep this run."""
    return Answer({"holds": [row_document(each) for each in await call.ledger.retention.aholds(run)]})


@router.post("/retention/preview", responses=answers(named("RetentionReport")))
async def preview(call: Admin, body: Policy) -> Answer:
    """Say what a policy would take away now, and what stays and why; nothing is changed."""
    return Answer(
        row_document(await call.ledger.retention.apreview(read_policy(**body.model_dump(), name="olderThan")))
    )


@router.post("/retention/apply", responses=answers(named("RetentionReport")))
async def apply(call: Admin, body: AppliedPolicy) -> Answer:
    """Take away what a policy says. It can't be undone; the command line writes archives before."""
    policy = read_policy(**body.model_dump(exclude={"reason"}), name="olderThan")
    return Answer(row_document(await call.ledger.retention.aapply(policy, call.by, body.reason)))


@router.post("/retention/hold", responses=answers(named("PlacedHold")))
async def hold(call: Admin, body: NewHold) -> Answer:
    """Place a legal hold: no policy takes what it is on, and nobody erases it."""
    return Answer(row_document(await call.ledger.retention.ahold(**body.model_dump(), by=call.by)))


@router.post("/retention/lift", responses=answers(_list_of("holds", "PlacedHold")))
async def lift(call: Admin, body: LiftedHold) -> Answer:
    """Lift a legal hold, and list those that stand then."""
    await call.ledger.retention.alift(**body.model_dump(), by=call.by)
    return await list_holds(call)


@router.post("/erase", responses=answers(named("ErasureReport")))
async def erase(call: Admin, body: ErasedSubject) -> Answer:
    """Destroy the key of a subject, so that nobody can read what its runs have recorded; it can't be undone."""
    report = await call.ledger.aerase(body.subject, by=call.by, reason=body.reason, dry_run=body.dry_run)
    return Answer(row_document(report))
