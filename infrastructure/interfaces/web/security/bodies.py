"""How much a request may bring."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .refusals import Refusal

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of a body: more than the largest definition that may be saved."""

_READ_BEYOND: Final = 4
"""So many times as much is still read, and thrown away: who is cut off while sending doesn't get the answer."""


class BodyLimit:
    """Refuses bodies that are larger, by their announced length or as they come: 413."""

    def __init__(self, app: ASGIApp, most: int = MOST_BYTES) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > self._most:
            if "expect" not in headers:  # who expects to be told to go on sends nothing before that
                await self._let_send(receive, int(announced[:20]))
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

    async def _let_send(self, receive: Receive, announced: int) -> None:
        """Throw away what was announced, unless it is far too much."""
        received, goes_on = 0, announced <= self._most * _READ_BEYOND
        while goes_on and received < announced:
            message = await receive()
            received += len(message.get("body", b""))
            goes_on = message.get("more_body", False)

    def _refusal(self) -> Refusal:
        return Refusal(
            413,
            "Too large",
            f"a request brings at most {self._most:,} bytes; nothing was done",
            {"Connection": "close"},
            limit=self._most,
        )
