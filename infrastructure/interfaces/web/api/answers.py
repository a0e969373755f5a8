"""Answers of the API: the documents that the command line prints with ``--json``."""

from typing import Any

from starlette.responses import Response

from ...presentation.documents import to_json


class Answer(Response):
    """A JSON document, with the version of what it shows as its ETag where it has one."""

    media_type = "application/json"

    def __init__(self, document: Any, status: int = 200, *, version: int | None = None, **headers: str) -> None:
        if version is not None:
            headers["ETag"] = f'"{version}"'
        super().__init__(to_json(document, indent=None), status, headers=headers)
