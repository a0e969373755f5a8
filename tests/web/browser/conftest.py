"""A real browser, and the story served to it. Tests that need them are skipped where there is no Chromium."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn

import flowledger as fl
from flowledger.web import Principal, create_app

from ..story import Story, story

playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")

CHROMIUM = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE = 60_000
"""Milliseconds, for what a machine with other work does late."""


REFUSALS = ("409 (Conflict)", "412 (Precondition Failed)", "422 (Unprocessable Content)", "422 (Unprocessable Entity)")
"""What a browser says of an answer that is refused, which is shown on the page."""


class Site(NamedTuple):
    """A served story."""

    base: str
    story: Story


@contextmanager
def served(ledger: fl.Ledger, role: str = "operator") -> Iterator[str]:
    """The ledger's pages at an address of this machine, as dana, who has the role, sees them."""
    app = create_app(ledger, auth=lambda request: Principal("dana", {role}))
    started = threading.Event()

    class Telling(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Telling(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, name="web server of a test")
    thread.start()
    try:
        assert started.wait(60), "the server didn't start"
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the server didn't stop"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with story() as told, served(told.ledger) as base:
        yield Site(base, told)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium at /usr/bin/chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        with closing(browser):
            yield browser


def listen(page: Any, complaints: list[str]) -> None:
    """Collect what the browser complains about on a page."""

    def complain(text: str) -> None:
        if not text.endswith(REFUSALS):
            complaints.append(text)

    page.on("console", lambda said: said.type in ("error", "warning") and complain(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))


@pytest.fixture
def opened(chromium: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """Opens a page of the site in a window of its own. What the browser complains about fails the test."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(path: str, width: int = 1440, height: int = 900, **options: Any) -> Any:
        context = chromium.new_context(
            base_url=site.base, viewport={"width": width, "height": height}, timezone_id="Europe/Berlin", **options
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        listen(page, complaints)
        page.goto(path, wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
