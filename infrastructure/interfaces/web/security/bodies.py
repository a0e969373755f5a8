"""How much a request may bring."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .refusals import Refusal

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of a body: more than the largest definition that may be saved."""


class BodyLimit:
    """Refuses bodies that are larger, by their announced length or as they come: 413."""

    def __init__(self, app: ASGIApp, most: int = MOST_BYTES) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > self._most:
            raise self._refusal()
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
                raise self._refusal()
            return message

        await self._app(scope, receive_within_limit, send)

    def _refusal(self) -> Refusal:
        return Refusal(
            413,
            "Too large",
            f"a request brings at most {self._most:,} bytes; nothing was done",
            {"Connection": "close"},
            limit=self._most,
        )
