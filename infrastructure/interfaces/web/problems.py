"""What is answered where a request can't be: the errors of the tree as problem+json (RFC 9457), or as a page."""

import re
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ....domain.errors import (
    Conflict,
    Erased,
    EventsLost,
    FlowledgerError,
    IllegalTransition,
    InvalidAnswer,
    InvalidDefinition,
    InvalidRequest,
    InvalidSnapshot,
    InvalidValue,
    KeyMissing,
    NotFound,
    NotReached,
    RunMovedOn,
    StorageUnavailable,
    StoreReadOnly,
    WorkOrderRejected,
)
from ....domain.workflow import StaleVersion
from ..presentation.documents import error_fields, to_json
from .security.refusals import Refusal

MEDIA_TYPE: Final = "application/problem+json"

RETRY_AFTER: Final = 5
"""Seconds, where the store is away."""

_STATUSES: Final[tuple[tuple[type[FlowledgerError], int], ...]] = (
    (InvalidDefinition, 422),
    (InvalidAnswer, 422),
    (InvalidSnapshot, 422),
    (InvalidValue, 422),
    (WorkOrderRejected, 422),
    (InvalidRequest, 400),
    (NotFound, 404),
    (StaleVersion, 412),
    (RunMovedOn, 412),
    (Conflict, 409),
    (IllegalTransition, 409),
    (Erased, 410),
    (KeyMissing, 503),
    (NotReached, 504),
    (StoreReadOnly, 503),
    (EventsLost, 503),
    (StorageUnavailable, 503),
)
"""The first that fits counts."""


class Problem(NamedTuple):
    """What went wrong, for programs and pages alike."""

    type: str
    """``urn:flowledger:error:RunNotFound``, or ``about:blank`` where the status says it all."""
    title: str
    status: int
    detail: str
    fields: dict[str, Any]
    """What the error knows besides: ``head``, ``events``, ``faults``."""
    headers: dict[str, str]

    def to_document(self) -> dict[str, Any]:
        """The members of the problem."""
        own = {name: value for name, value in self.fields.items() if name not in _MEMBERS}
        return {"type": self.type, "title": self.title, "status": self.status, "detail": self.detail, **own}


_MEMBERS: Final = frozenset({"type", "title", "status", "detail", "instance"})


def problem_of(error: Exception) -> Problem:
    """The problem that an error is. What isn't one of ours says nothing of itself: it is in the server's log."""
    if isinstance(error, FlowledgerError):
        return _of_the_tree(error)
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    if isinstance(error, HTTPException):
        return _of_http(error)
    return Problem("about:blank", "Internal error", 500, "this request failed, and the server's log says why", {}, {})


def respond_with(problem: Problem) -> Response:
    """The answer that programs get."""
    text = to_json(problem.to_document(), indent=None)  # also of numbers beyond 64 bits, and of what isn't Unicode
    return Response(text, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def wants_json(request: Request, base: str) -> bool:
    """Whether whoever asks is a program, by its address below ``base`` or by what it accepts."""
    path = request.scope["path"].removeprefix(base)
    accept = request.headers.get("accept", "")
    return path.startswith("/api/") or path.endswith(".json") or ("json" in accept and "text/html" not in accept)


def _of_the_tree(error: FlowledgerError) -> Problem:
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    name = type(error).__name__
    away = isinstance(error, StorageUnavailable) and not isinstance(error, StoreReadOnly)
    headers = {"Retry-After": str(RETRY_AFTER)} if away else {}
    fields = error_fields(error)
    if "status" in fields:  # of the run that stands in the way
        fields["runStatus"] = fields.pop("status")
    return Problem(f"urn:flowledger:error:{name}", _in_words(name), status, str(error), fields, headers)


def _of_validation(error: RequestValidationError) -> Problem:
    issues = [{"path": _path(issue["loc"]), "message": issue["msg"]} for issue in error.errors()]
    told = "; ".join(f"{issue['path']}: {issue['message']}" for issue in issues[:5])
    where = {issue["loc"][0] for issue in error.errors()}
    status = 422 if where == {"body"} else 400
    return Problem("urn:flowledger:error:InvalidRequest", "Invalid request", status, told, {"issues": issues}, {})


def _path(place: tuple[str | int, ...]) -> str:
    return "/".join(str(part) for part in place)


def _of_http(error: HTTPException) -> Problem:
    headers = dict(error.headers or {})
    if isinstance(error, Refusal):
        return Problem("about:blank", error.title, error.status_code, error.detail, error.fields, headers)
    title = HTTPStatus(error.status_code).phrase.capitalize()
    detail = _DETAILS.get(error.status_code, error.detail)
    return Problem("about:blank", title, error.status_code, detail, {}, headers)


_DETAILS: Final = {
    404: "there is no such page: check the address",
    405: "this address doesn't take requests of this method: the Allow header says which",
}


def _in_words(name: str) -> str:
    """``RunNotFound`` as ``Run not found``."""
    words = re.findall("[A-Z][a-z]*", name)
    return " ".join([words[0], *(word.lower() for word in words[1:])])
