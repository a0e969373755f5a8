"""Serving the app here, by uvicorn: for ``flowledger serve``."""

import asyncio
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import uvicorn

from ....domain.errors import InvalidRequest
from ....domain.visible import quoted
from .app import WebApp

GRACE: Final = 3
"""Seconds that requests have to end when the server is told to stop; streams end at once."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 is any that is free. Raises InvalidRequest."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidRequest(
            f"can't listen at {quoted(host)}, port {port}: {why}; another --port may be free"
        ) from None


def serve(app: WebApp, listening: socket.socket, prefix: str, *, proxied: bool, started: Callable[[], object]) -> None:
    """Serve until SIGTERM or Ctrl-C; a second one doesn't wait for requests.

    ``prefix``: under which a proxy shows it, which the proxy takes away. ``proxied``: what a proxy on this machine says
    of its clients is believed.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=proxied,
        root_path=prefix,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config, app, started)
    asyncio.run(server.serve(sockets=[listening]))


class _Server(uvicorn.Server):
    """Ends streams when it is told to stop, and leaves it to its caller what comes after it."""

    def __init__(self, config: uvicorn.Config, app: WebApp, started: Callable[[], object]) -> None:
        super().__init__(config)
        self._app = app
        self._tell_started = started
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._tell_started()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, *_: object) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._app.end_streams)
        self.force_exit = self.should_exit
        self.should_exit = True
