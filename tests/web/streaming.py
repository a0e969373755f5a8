"""Reading a stream from an app without a server, event by event, as httpx can't."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

PATIENCE = 60.0
"""Seconds: on a loaded machine, too."""


class Stream:
    """What comes of a request."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._rest = ""

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            await self._chunks.put(message["body"])
            if not message.get("more_body"):
                await self._chunks.put(None)

    async def block(self) -> str | None:
        """The next block of lines; None at the end."""
        while "\n\n" not in self._rest:
            chunk = await asyncio.wait_for(self._chunks.get(), PATIENCE)
            if chunk is None:
                return None
            self._rest += chunk.decode()
        block, _, self._rest = self._rest.partition("\n\n")
        return block


@asynccontextmanager
async def streamed(app: Any, path: str, **headers: str) -> AsyncIterator[Stream]:
    """The answer to a GET from the loopback; at the end of the block its client goes away."""
    gone = asyncio.Event()
    stream = Stream()
    path, _, query = path.partition("?")

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1")]
        + [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    answering = asyncio.create_task(app(scope, receive, stream.send))
    try:
        yield stream
    finally:
        gone.set()
        await asyncio.wait_for(answering, PATIENCE)
