"""Each role at each route of pages and API, as the app itself has them: a new route without a role is found here."""

from typing import Final

import httpx
import pytest

import flowledger as fl
from flowledger.web import Principal, create_app

from .client import client_of
from .walking import OPEN, Way, ways

ROLES: Final = ("viewer", "operator", "editor", "admin")


async def _ask(client: httpx.AsyncClient, way: Way, role: str) -> httpx.Response:
    client.cookies.clear()  # with one, a request without an origin would be refused for that
    return await client.request(way.method, way.to(), headers={"x-roles": role})


async def test_each_route_is_closed_to_those_below_its_role(ledger: fl.Ledger) -> None:
    app = create_app(ledger, auth=lambda request: Principal("ada", set(request.headers.get("x-roles", "").split())))
    app.end_streams()  # each ends when it has begun
    async with client_of(app) as client:
        for way in ways(app):
            if way.path in OPEN:
                continue
            assert way.role in ROLES, f"{way} declares no role"
            for role in ("", *ROLES):
                answer = await _ask(client, way, role)
                refused = not role or ROLES.index(role) < ROLES.index(way.role)
                assert (answer.status_code == 403) is refused, (way, role, answer.status_code, answer.text[:500])
                assert not refused or f"this takes the role {way.role}" in answer.text, (way, role)


async def test_whoever_is_not_known_sees_nothing(ledger: fl.Ledger) -> None:
    app = create_app(ledger, auth=lambda _: None)
    async with client_of(app) as client:
        closed = [way for way in ways(app) if way.path not in OPEN]
        assert {(await _ask(client, way, "admin")).status_code for way in closed} == {403}


@pytest.mark.parametrize("host", ["ops.example.org", "127.0.0.1.nip.io"])
async def test_without_authentication_other_hosts_see_nothing(ledger: fl.Ledger, host: str) -> None:
    app = create_app(ledger)
    async with client_of(app, host=host) as client:
        closed = [way for way in ways(app) if way.path not in OPEN]
        assert {(await _ask(client, way, "")).status_code for way in closed} == {403}


def test_the_walk_finds_pages_data_and_api(ledger: fl.Ledger) -> None:
    found = {(way.method, way.path, way.role) for way in ways(create_app(ledger))}
    assert {
        ("GET", "/runs/{run}", "viewer"),
        ("GET", "/runs/{run}.json", "viewer"),
        ("POST", "/waits", "operator"),
        ("PUT", "/api/workflows/{workflow}", "editor"),
        ("GET", "/static/{path:path}", None),
    } <= found
