"""Tokens: who may use the pages and the API."""

from typing import Annotated

from fastapi import APIRouter, Path

from .....domain.values.roles import Role
from ...presentation.documents import token_document
from ...presentation.inputs import read_deadline
from ..routes import ApiRoute
from .admission import Admin
from .answers import Answer
from .bodies import Body
from .schemas import answers, array, named

router = APIRouter(prefix="/tokens", tags=["tokens"], route_class=ApiRoute)


class NewToken(Body):
    """For whom, or for which program; `expires` is a length of time from now on, such as `90d`, or a time."""

    name: str
    role: Role
    expires: str | None = None


TOKENS = {"type": "object", "required": ["tokens"], "properties": {"tokens": array(named("Token"))}}

Name = Annotated[str, Path(description="The token that is in use under this name.")]


@router.get("", responses=answers(TOKENS))
async def list_tokens(call: Admin) -> Answer:
    """List every token that was made, also those that were revoked or have expired. No secret is in it."""
    return Answer({"tokens": [token_document(token) for token in await call.ledger.tokens.alist()]})


@router.post("", status_code=201, responses=answers(named("Token"), 201))
async def make(call: Admin, body: NewToken) -> Answer:
    """Make a token; `token` in the answer is its secret, which is kept nowhere."""
    expires = read_deadline(body.expires, "expires", now=call.now)
    made = await call.ledger.tokens.acreate(body.name, body.role, expires=expires, by=call.by)
    answer = Answer(token_document(made), 201)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/{name}/revoke", responses=answers(named("Token")))
async def revoke(call: Admin, name: Name) -> Answer:
    """Take a token back: it is refused from now on, and who has signed in with it is signed out."""
    return Answer(token_document(await call.ledger.tokens.arevoke(name, by=call.by)))
