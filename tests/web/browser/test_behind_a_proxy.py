"""Below a prefix behind a reverse proxy, used in a browser: links, forms, redirects, cookie, stream of events."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from flowledger.web import create_app

from ..story import story
from .proxy import proxy_to
from .sites import Site, running
from .windows import listen, open_window

pytestmark = pytest.mark.exhaustive

PREFIX = "/ops/ledger"


@pytest.fixture(params=["takes the prefix away", "keeps the prefix", "takes TLS away, too"])
def proxied(request: pytest.FixtureRequest, certificate: dict[str, str]) -> Iterator[Site]:
    """Who keeps it hands on to a mount; who takes it away to a server that was told, as `serve --prefix` tells it."""
    strips = request.param != "keeps the prefix"
    tls = certificate if "TLS" in request.param else {}
    with ExitStack() as stack:
        told = stack.enter_context(story(alike=0))
        app: Any = create_app(told.ledger, auth="tokens")
        app = app if strips else Starlette(routes=[Mount(PREFIX, app)])
        server = stack.enter_context(running(app, root_path=PREFIX if strips else "", proxy_headers=True))
        base = stack.enter_context(running(proxy_to(server, PREFIX, strips=strips), **tls))
        yield Site(base, told)


@pytest.fixture
def window(chromium: Any, proxied: Site) -> Iterator[Any]:
    with closing(open_window(chromium, proxied.base, ignore_https_errors=True)) as opened:
        yield opened


def test_people_sign_in_act_and_follow_below_the_prefix(window: Any, proxied: Site, complaints: list[str]) -> None:
    told = proxied.story
    token = told.ledger.tokens.create("noor", "operator").secret
    page = window.new_page()
    listen(page, complaints)
    visited: list[str] = []
    page.on("request", lambda request: visited.append(request.url.removeprefix(proxied.base)))

    page.goto(f"{PREFIX}/")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{PREFIX}/history")
    (cookie,) = [each for each in window.cookies() if each["httpOnly"]]
    assert (cookie["path"], cookie["secure"]) == (PREFIX, proxied.base.startswith("https:"))

    page.goto(f"{PREFIX}/runs/{told.waiting}")
    page.get_by_text("Live", exact=True).wait_for()
    page.get_by_role("link", name="Hold…").click()
    page.get_by_label("Why").fill("count first")
    page.get_by_role("button", name="Hold it").click()
    page.get_by_text("is held.").wait_for()
    page.wait_for_url(f"**{PREFIX}/runs/{told.waiting}**")
    page.get_by_text("Live", exact=True).wait_for()
    told.ledger.runs.release(told.waiting, by="ivo")
    page.locator(".events").get_by_text("run.released").wait_for()
    assert [event.by for event in told.ledger.history.events(told.waiting)][-2:] == ["noor", "ivo"]

    page.get_by_role("link", name="History", exact=True).first.click()
    page.get_by_role("heading", name="History", level=1).wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"**{PREFIX}/login**")
    assert all(address.startswith(f"{PREFIX}/") for address in visited), visited
    assert any(address.startswith(f"{PREFIX}/api/stream") for address in visited)
