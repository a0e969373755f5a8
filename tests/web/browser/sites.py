"""Stories that are served, each to the tests of one module or to one test alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import pytest
import uvicorn

import flowledger as fl
from flowledger.web import Principal, create_app

from ..story import Story, story

READER = "x-reader"
"""The header by which a window says whose it is; without, it is dana's."""


class Site(NamedTuple):
    """A served story."""

    base: str
    story: Story
    login: str = ""
    """Where the same is served to those who sign in."""


@contextmanager
def served(ledger: fl.Ledger, role: str = "operator") -> Iterator[str]:
    """The ledger's pages at an address of this machine, as people who have the role see them."""

    def who_asks(request: Any) -> Principal:
        return Principal(request.headers.get(READER, "dana"), {role})

    with running(create_app(ledger, auth=who_asks)) as base:
        yield base


@contextmanager
def running(app: Any, **config: Any) -> Iterator[str]:
    """An app at an address of this machine."""
    started = threading.Event()

    class Telling(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Telling(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=5, **config))
    thread = threading.Thread(target=server.run, name="web server of a test")
    thread.start()
    try:
        assert started.wait(60), "the server didn't start"
        scheme = "https" if "ssl_certfile" in config else "http"
        yield f"{scheme}://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the server didn't stop"


def site_of(scope: Literal["module", "function"], *, role: str = "operator", alike: int = 5) -> Callable[..., Any]:
    """A fixture ``site``: a story of its own for a module, or for each test, where they change what others look at."""

    @pytest.fixture(scope=scope, name="site")
    def tell() -> Iterator[Site]:
        with story(alike=alike) as told, served(told.ledger, role) as base:
            yield Site(base, told)

    return tell
