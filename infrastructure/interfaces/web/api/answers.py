"""Answers of the API: the documents that the command line prints with ``--json``."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from .....projections.pagination import Page
from ...presentation.documents import list_document, to_json


class Answer(Response):
    """A JSON document, with the version of what it shows as its ETag where it has one."""

    media_type = "application/json"

    def __init__(self, document: Any, status: int = 200, *, version: int | None = None, **headers: str) -> None:
        if version is not None:
            headers["ETag"] = _etag(version)
        super().__init__(to_json(document, indent=None), status, headers=headers)


def list_answer(name: str, page: Page[Any]) -> Answer:
    """A page of a list, and the cursor of the next one."""
    return Answer(list_document(name, page, page))


def not_changed(request: Request, version: int) -> Response | None:
    """The answer for somebody who has this version; None for all others."""
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    etag = _etag(version)
    return Response(status_code=304, headers={"ETag": etag}) if etag in known else None


async def array_of(documents: AsyncIterator[dict[str, Any]]) -> Response:
    """A JSON array that is sent while it is read, in lots. What the first document raises is raised here."""
    first = await anext(documents, None)
    return StreamingResponse(_array(first, documents), media_type="application/json")


_LOT = 100


async def _array(first: dict[str, Any] | None, documents: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    lot = ["["] if first is None else ["[", to_json(first, indent=None)]
    async for document in documents:
        lot += [",\n", to_json(document, indent=None)]
        if len(lot) > 2 * _LOT:
            yield "".join(lot)
            lot.clear()
    yield "".join([*lot, "]"])


def _etag(version: int) -> str:
    return f'"{version}"'
