"""The files that pages refer to. They are read once, and their addresses change when they do."""

from functools import cache
from mimetypes import guess_type
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from .rendering.static_files import STATIC, digest_of

STATIC_PATH: Final = "/static/{path:path}"

_FOR_EVER: Final = "public, max-age=31536000, immutable"


async def answer_with_file(request: Request) -> Response:
    """A file of ours. Raises HTTPException."""
    path = request.path_params["path"]
    if path not in _files():
        raise HTTPException(404)
    digest = digest_of(path)
    headers = {"ETag": f'"{digest}"'}
    if request.query_params.get("v") == digest:
        headers["Cache-Control"] = _FOR_EVER
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(_read(path), headers=headers, media_type=guess_type(path)[0] or "application/octet-stream")


@cache
def _files() -> frozenset[str]:
    """The paths of all that there are: nothing else is looked for on the disk."""
    return frozenset(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


@cache
def _read(path: str) -> bytes:
    return (STATIC / path).read_bytes()
