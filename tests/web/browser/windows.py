"""Windows of a real browser. Tests that need one are skipped where there is no Chromium."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from .sites import READER

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


@contextmanager
def browsing() -> Iterator[Any]:
    """A Chromium."""
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        with closing(browser):
            yield browser


def open_window(
    browser: Any,
    base: str,
    width: int = 1440,
    height: int = 900,
    zone: str | None = "Europe/Berlin",
    reader: str = "dana",
    **options: Any,
) -> Any:
    """A window of a reader in Berlin: a context of the browser, with cookies of its own.

    ``zone``: the reader's, as the server knows it; None: it doesn't yet, so the first page is loaded twice.
    """
    window = browser.new_context(
        base_url=base,
        viewport={"width": width, "height": height},
        timezone_id="Europe/Berlin",
        extra_http_headers={READER: reader},
        **options,
    )
    window.set_default_timeout(PATIENCE)
    if zone is not None:
        window.add_cookies([{"name": "flowledger_zone", "value": zone.replace("/", "%2F"), "url": base}])
    return window


def listen(page: Any, complaints: list[str]) -> None:
    """Collect what the browser complains about on a page."""

    def hear(said: Any) -> None:
        is_of_the_page_itself = said.location["url"] == page.url  # such as of one that there isn't
        if said.type in ("error", "warning") and not said.text.endswith(REFUSALS) and not is_of_the_page_itself:
            complaints.append(said.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
