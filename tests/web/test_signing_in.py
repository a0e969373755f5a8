"""Tokens let programs in, and people by a form or a link that works once; a cookie keeps them in."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import flowledger as fl
from flowledger.infrastructure.interfaces.web.app import WebApp
from flowledger.infrastructure.interfaces.web.security.failures import MOST_FAILURES, Failures
from flowledger.infrastructure.interfaces.web.security.refusals import Refusal
from flowledger.testing import ManualClock
from flowledger.web import create_app

from .client import client_of

ELSEWHERE = {"address": "10.0.0.7", "host": "ops.example.org"}


@pytest.fixture
def app(ledger: fl.Ledger) -> WebApp:
    return create_app(ledger, auth="tokens")


def outside(app: Any, **options: Any) -> httpx.AsyncClient:
    """A client that isn't on this machine."""
    return client_of(app, **ELSEWHERE, **options)


def secret_of(ledger: fl.Ledger, name: str = "dana", role: Any = "viewer", **options: Any) -> str:
    secret = ledger.tokens.create(name, role, **options).secret
    assert secret is not None
    return secret


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def test_a_program_is_let_in_by_its_token_and_does_what_its_role_may(
    ledger: fl.Ledger, run: fl.Run, app: WebApp
) -> None:
    reads, commands = secret_of(ledger, "reader"), secret_of(ledger, "shop-import", "operator")
    async with outside(app) as client:
        assert (await client.get("/api/runs", headers=bearer(reads))).status_code == 200
        refused = await client.post(f"/api/runs/{run.id}/hold", headers=bearer(reads), json={})
        assert (refused.status_code, refused.json()["role"]) == (403, "operator")
        held = await client.post(f"/api/runs/{run.id}/hold", headers=bearer(commands), json={"reason": "count"})
    assert held.status_code == 200
    hold = ledger.runs.get(run.id).held
    assert hold is not None
    assert hold.by == "shop-import"


@pytest.mark.parametrize("path", ["/api/runs", "/history.json"])
async def test_who_shows_no_token_is_told_what_to_show(app: WebApp, path: str) -> None:
    async with outside(app) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="flowledger"')
    assert "Authorization: Bearer" in answer.json()["detail"]


async def test_this_machine_is_asked_as_well(app: WebApp) -> None:
    async with client_of(app) as client:
        assert (await client.get("/api/runs")).status_code == 401


async def test_a_reader_is_led_to_the_form_and_from_there_to_the_page_that_was_wanted(
    ledger: fl.Ledger, app: WebApp
) -> None:
    async with outside(app) as client:
        led = await client.get("/waits?node=review")
        assert (led.status_code, led.headers["location"]) == (303, "/login?next=%2Fwaits%3Fnode%3Dreview")
        form = await client.get(led.headers["location"])
        assert 'type="password" name="token"' in form.text
        assert "<nav" not in form.text  # nobody has signed in yet
        entered = await client.post(led.headers["location"], data={"token": f" {secret_of(ledger)} "})
        assert (entered.status_code, entered.headers["location"]) == (303, "/waits?node=review")
        page = await client.get("/waits?node=review")
        assert "dana · viewer" in page.text
        assert (await client.get("/login.json")).json() == {"name": "dana", "role": "viewer"}
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie
        assert "Secure" not in cookie
        assert secret_of(ledger, "other") not in cookie


async def test_the_cookie_is_for_https_alone_where_the_page_was(ledger: fl.Ledger, app: WebApp) -> None:
    async with outside(app) as client:
        entered = await client.post("https://ops.example.org/login", data={"token": secret_of(ledger)})
    assert "Secure" in entered.headers["set-cookie"]


async def test_signing_out_ends_the_session_also_for_who_has_copied_the_cookie(ledger: fl.Ledger, app: WebApp) -> None:
    async with outside(app) as client:
        await client.post("/login", data={"token": secret_of(ledger)})
        copied = dict(client.cookies)
        assert 'action="/logout"' in (await client.get("/history")).text
        left = await client.post("/logout", headers={"sec-fetch-site": "same-origin"})
        assert (left.status_code, left.headers["location"]) == (303, "/login")
        assert not client.cookies
    async with outside(app, cookies=copied) as client:
        assert (await client.get("/history")).status_code == 303


async def test_who_has_signed_in_is_out_when_the_token_is_revoked(ledger: fl.Ledger, app: WebApp) -> None:
    async with outside(app) as client:
        await client.post("/login", data={"token": secret_of(ledger)})
        assert (await client.get("/history")).status_code == 200
        ledger.tokens.revoke("dana")
        assert (await client.get("/history")).status_code == 303
        assert "expired or was revoked" in (await client.get("/api/runs")).json()["detail"]


@pytest.mark.parametrize("wrong", ["", "fl_nobody", "x" * 5_000])
async def test_a_wrong_token_is_told_on_the_form(app: WebApp, wrong: str) -> None:
    async with outside(app) as client:
        answer = await client.post("/login", data={"token": wrong})
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "flowledger token create" in answer.text
    assert "set-cookie" not in answer.headers


async def test_what_is_wrong_with_a_token_is_told_to_who_has_it(
    ledger: fl.Ledger, clock: ManualClock, app: WebApp
) -> None:
    old, revoked = secret_of(ledger, "old", expires=clock() + timedelta(days=1)), secret_of(ledger, "revoked")
    ledger.tokens.revoke("revoked")
    clock.advance(days=1)
    async with outside(app) as client:
        assert "This token has expired" in (await client.post("/login", data={"token": old})).text
        assert "this token was revoked" in (await client.get("/api/runs", headers=bearer(revoked))).json()["detail"]


@pytest.mark.parametrize(
    "next",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "history", "/\tx", ""],
)
async def test_nobody_is_led_elsewhere_by_signing_in(ledger: fl.Ledger, app: WebApp, next: str) -> None:
    async with outside(app) as client:
        entered = await client.post("/login", params={"next": next}, data={"token": secret_of(ledger)})
    assert (entered.status_code, entered.headers["location"]) == (303, "/history")


async def test_a_link_signs_in_once_as_who_has_this_machine(app: WebApp) -> None:
    link = app.make_link()
    async with outside(app) as client:
        assert (await client.head(link)).status_code == 200  # a look at it doesn't use it
        assert (await client.get(link)).headers["location"] == "/history"
        assert "local · admin" in (await client.get("/history")).text
        await client.post("/logout", headers={"sec-fetch-site": "same-origin"})
        assert (await client.get("/history")).status_code == 303
        again = await client.get(link)
    assert again.status_code == 401
    assert "used already" in again.text


async def test_another_site_signs_nobody_in(ledger: fl.Ledger, app: WebApp) -> None:
    async with outside(app) as client:
        answer = await client.post(
            "/login", data={"token": secret_of(ledger)}, headers={"sec-fetch-site": "cross-site"}
        )
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_two_apps_of_one_host_have_their_own_sessions(ledger: fl.Ledger) -> None:
    host = FastAPI()
    for prefix in ("/a", "/b"):
        host.mount(prefix, create_app(ledger, auth="tokens"))
    async with outside(host) as client:
        led = await client.get("/a/history")
        assert led.headers["location"] == "/a/login?next=%2Fa%2Fhistory"
        entered = await client.post("/a/login?next=/b/history", data={"token": secret_of(ledger)})
        assert entered.headers["location"] == "/a/history"
        assert "Path=/a;" in entered.headers["set-cookie"]
        assert (await client.get("/a/history")).status_code == 200
        assert (await client.get("/b/history")).status_code == 303


async def test_who_shows_wrong_tokens_again_and_again_has_to_wait(ledger: fl.Ledger, app: WebApp) -> None:
    async with outside(app) as client:
        for _ in range(MOST_FAILURES):
            assert (await client.get("/api/runs", headers=bearer("fl_wrong"))).status_code == 401
        refused = await client.get("/api/runs", headers=bearer(secret_of(ledger)))
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 61
    async with client_of(app, address="10.0.0.8", host="ops.example.org") as client:
        assert (await client.get("/api/runs", headers=bearer(secret_of(ledger, "other")))).status_code == 200


def test_after_a_minute_an_address_may_fail_again() -> None:
    now = 0.0
    failures = Failures(lambda: now)
    for _ in range(MOST_FAILURES):
        failures.refuse_more("10.0.0.7")
        failures.add("10.0.0.7")
    with pytest.raises(Refusal):
        failures.refuse_more("10.0.0.7")
    now = 60.0
    failures.refuse_more("10.0.0.7")
    failures.add("10.0.0.7")
    failures.refuse_more("10.0.0.7")


async def test_where_nobody_signs_in_the_form_leads_on(ledger: fl.Ledger) -> None:
    async with client_of(create_app(ledger)) as client:
        assert (await client.get("/login")).headers["location"] == "/history"
        assert (await client.post("/logout")).headers["location"] == "/login"
    with pytest.raises(fl.InvalidRequest, match="nobody signs in here"):
        create_app(ledger, auth=lambda _: None).make_link()


async def test_on_this_machine_a_link_signs_in_under_a_name_and_the_rest_stays_local(
    ledger: fl.Ledger, run: fl.Run
) -> None:
    app = create_app(ledger)
    link = app.make_link("dana")
    async with client_of(app) as browser, client_of(app) as other:
        assert (await browser.get(link)).headers["location"] == "/history"
        assert "dana · admin" in (await browser.get("/history")).text
        assert "local · admin" in (await other.get("/history")).text
        held = await browser.post(f"/api/runs/{run.id}/hold", json={}, headers={"sec-fetch-site": "same-origin"})
        assert held.status_code == 200
        again = await other.get(link)
        assert (again.status_code, "used already" in again.text) == (410, True)
        await browser.post("/logout", headers={"sec-fetch-site": "same-origin"})
        assert "local · admin" in (await browser.get("/history")).text
    assert ledger.history.trail(by="dana")[0].stream == run.id


async def test_without_authentication_a_link_opens_nothing_for_other_machines(ledger: fl.Ledger) -> None:
    app = create_app(ledger)
    link = app.make_link("dana")
    async with outside(app) as client:
        refused = await client.get(link)
        assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)
    async with client_of(app) as client:  # and isn't used up by that
        assert (await client.get(link)).status_code == 303


def test_another_way_of_asking_is_refused(ledger: fl.Ledger) -> None:
    with pytest.raises(fl.InvalidRequest, match='None, "tokens" or a callable'):
        create_app(ledger, auth="passwords")  # type: ignore[arg-type]
