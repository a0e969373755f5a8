"""A real browser, the story served to it, and windows in which a page is opened: what each test begins with."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ..certificates import write_certificate
from .shown import shown_site
from .sites import Site
from .windows import CHROMIUM, browsing, listen, open_window


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """For tests of a module that only look at it. Others have one of their own: ``site = site_of("function")``."""
    with shown_site() as shown:
        yield shown


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One for the tests of a module, and none beside others: it brings an event loop, beside which theirs can't run."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium at /usr/bin/chromium: apt-get install chromium")
    with browsing() as browser:
        yield browser


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser complains about fails the test."""
    collected: list[str] = []
    yield collected
    assert collected == []


@pytest.fixture
def opened(chromium: Any, site: Site, complaints: list[str]) -> Iterator[Callable[..., Any]]:
    """Opens a page of the site in a window of its own: ``opened("/history", width=390, reader="mika")``."""
    windows: list[Any] = []

    def open_page(path: str, **options: Any) -> Any:
        windows.append(open_window(chromium, site.base, **options))
        page = windows[-1].new_page()
        listen(page, complaints)
        page.goto(path, wait_until="load")
        return page

    yield open_page
    for window in windows:
        window.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of this machine, as uvicorn takes it."""
    return write_certificate(tmp_path_factory.mktemp("tls"))
