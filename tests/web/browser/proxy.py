"""A reverse proxy before a server, as a company puts one there: below a prefix, which it takes away or keeps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

PATIENCE = 60.0
"""Seconds between two signs of life; a stream gives one every fifteen."""
OWN_TO_A_CONNECTION = {"connection", "keep-alive", "transfer-encoding"}


def proxy_to(server: str, prefix: str, *, strips: bool) -> Any:
    """An app that hands on what is asked for below the prefix, with who asked, and answers nothing else."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(base_url=server, timeout=PATIENCE) as client:
            app.state.client = client
            yield

    async def hand_on(request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        if not f"{path}/".startswith(f"{prefix}/"):
            return PlainTextResponse("nothing of ours", 404)
        path = path.removeprefix(prefix) if strips else path
        headers = [(name, value) for name, value in request.headers.items() if name not in OWN_TO_A_CONNECTION]
        headers += [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", request.url.scheme)]
        asked = request.app.state.client.build_request(
            request.method, f"{path or '/'}?{request.url.query}", headers=headers, content=request.stream()
        )
        answer = await request.app.state.client.send(asked, stream=True)
        handed = StreamingResponse(answer.aiter_raw(), answer.status_code)
        handed.raw_headers = [
            (name.lower(), value)
            for name, value in answer.headers.raw
            if name.lower().decode() not in OWN_TO_A_CONNECTION
        ]
        return handed

    methods = ["GET", "POST", "PUT", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", hand_on, methods=methods)], lifespan=lifespan)
