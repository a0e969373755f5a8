"""What is done by a request is recorded as done through the pages, or through the API."""

from starlette.types import ASGIApp, Receive, Scope, Send

from ....domain.events.channel import acting_through


class Through:
    """An app whose requests act through a channel."""

    def __init__(self, app: ASGIApp, channel: str) -> None:
        self._app = app
        self._channel = channel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with acting_through(self._channel):
            await self._app(scope, receive, send)
