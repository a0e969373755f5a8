"""In an application of somebody else's: mounted under a prefix, beside sessions of its own that stay as they are."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import flowledger as fl
from flowledger.web import Principal, create_app

from .client import client_of

PREFIX = "/ops/ledger"
SAME_SITE = {"sec-fetch-site": "same-origin"}
Asgi = Callable[..., Awaitable[None]]


async def enter(request: Request) -> PlainTextResponse:
    request.session["user"] = request.query_params["user"]
    return PlainTextResponse("entered")


async def tell(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.session.get("user", "nobody"))


def with_session(app: Any) -> Any:
    sessions = pytest.importorskip("starlette.middleware.sessions", reason="itsdangerous isn't installed")
    app.add_middleware(sessions.SessionMiddleware, secret_key="of the host", same_site="strict")
    return app


def in_fastapi(ledger_app: Asgi) -> Any:
    host = FastAPI()
    host.add_route("/enter", enter)
    host.add_route("/who", tell)
    host.mount(PREFIX, ledger_app)
    return with_session(host)


def in_starlette(ledger_app: Asgi) -> Any:
    routes = [Route("/enter", enter), Route("/who", tell), Mount("/ops", routes=[Mount("/ledger", ledger_app)])]
    return with_session(Starlette(routes=routes))


def in_django(ledger_app: Asgi) -> Any:
    """As the how-to says it."""
    pytest.importorskip("django", reason="Django isn't installed")
    from . import django_host

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{PREFIX}/"):
            await ledger_app({**scope, "root_path": PREFIX}, receive, send)
        else:
            await django_host.application(scope, receive, send)

    return application


HOSTS = (in_fastapi, in_starlette, in_django)


@pytest.mark.parametrize("host", HOSTS)
async def test_the_hosts_session_stays_as_it_is(host: Callable[[Asgi], Any], ledger: fl.Ledger, run: fl.Run) -> None:
    token = ledger.tokens.create("dana", "operator").secret
    app = host(create_app(ledger, auth="tokens"))
    async with client_of(app) as client:
        await client.get("/enter?user=ada")
        (of_host,) = dict(client.cookies)
        value = client.cookies[of_host]
        led = await client.get(f"{PREFIX}/history")
        assert led.headers["location"].startswith(f"{PREFIX}/login")
        entered = await client.post(f"{PREFIX}/login", data={"token": token}, headers=SAME_SITE)
        assert entered.headers["location"] == f"{PREFIX}/history"
        assert f"Path={PREFIX};" in entered.headers["set-cookie"]
        page = await client.get(f"{PREFIX}/runs/{run.id}")
        assert page.status_code == 200, page.text
        held = await client.post(f"{PREFIX}/api/runs/{run.id}/hold", json={"reason": "count"}, headers=SAME_SITE)
        assert held.status_code == 200, held.text
        assert client.cookies[of_host] == value
        assert (await client.get("/who")).text == "ada"
        await client.post(f"{PREFIX}/logout", headers=SAME_SITE)
        assert (await client.get(f"{PREFIX}/history")).status_code == 303
        assert (await client.get("/who")).text == "ada"
    assert ledger.runs.get(run.id).held is not None


@pytest.mark.parametrize("host", HOSTS)
async def test_every_address_leads_back_under_the_prefix(
    host: Callable[[Asgi], Any], ledger: fl.Ledger, run: fl.Run
) -> None:
    async with client_of(host(create_app(ledger))) as client:
        first = await client.get(f"{PREFIX}/")
        assert first.headers["location"] == f"{PREFIX}/history"
        page = await client.get(f"{PREFIX}/history")
        addresses = {part.partition('"')[0] for part in page.text.split('href="')[1:]}
        assert all(address.startswith((f"{PREFIX}/", "#")) for address in addresses)
        for address in sorted(addresses):
            if not address.startswith("#"):
                answer = await client.get(address.replace("&amp;", "&"))
                assert answer.status_code == 200, address
        missing = await client.get(f"{PREFIX}/nowhere")
        assert (missing.status_code, f'href="{PREFIX}/history"' in missing.text) == (404, True)
        assert (await client.get("/elsewhere")).status_code == 404


@pytest.mark.parametrize("host", [in_fastapi, in_starlette])
async def test_who_asks_can_be_read_from_the_hosts_session(
    host: Callable[[Asgi], Any], ledger: fl.Ledger, run: fl.Run
) -> None:
    def who_asks(request: Request) -> Principal | None:
        user = request.session.get("user")
        return None if user is None else Principal(user, {"operator"})

    async with client_of(host(create_app(ledger, auth=who_asks))) as client:
        assert (await client.get(f"{PREFIX}/history")).status_code == 403
        await client.get("/enter?user=ada")
        assert "ada" in (await client.get(f"{PREFIX}/history")).text
        await client.post(f"{PREFIX}/api/runs/{run.id}/hold", json={}, headers=SAME_SITE)
        assert (await client.get("/who")).text == "ada"
    hold = ledger.runs.get(run.id).held
    assert hold is not None
    assert hold.by == "ada"


@pytest.mark.parametrize("host", HOSTS)
async def test_an_error_of_ours_is_answered_by_us_and_the_hosts_by_the_host(
    host: Callable[[Asgi], Any], ledger: fl.Ledger
) -> None:
    async with client_of(host(create_app(ledger))) as client:
        ours = await client.get(f"{PREFIX}/api/runs/nothing")
        theirs = await client.get("/api/runs/nothing")
    assert (ours.status_code, ours.headers["content-type"]) == (404, "application/problem+json")
    assert theirs.status_code == 404
    assert "problem" not in theirs.headers["content-type"]


async def test_a_proxy_that_says_the_prefix_by_its_own_header_is_no_mount(ledger: fl.Ledger) -> None:
    """Only the server, or the host, says where the app is: a header that anybody can send doesn't."""
    async with client_of(create_app(ledger)) as client:
        answer: httpx.Response = await client.get("/history", headers={"x-forwarded-prefix": "/evil"})
    assert "/evil" not in answer.text
