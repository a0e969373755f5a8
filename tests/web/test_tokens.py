"""Tokens in a browser and by the API: made, shown once, taken back, by admins."""

import httpx
import pytest

import flowledger as fl
from flowledger.web import Principal, create_app

from .client import client_of, local
from .reading import read

SAME = {"sec-fetch-site": "same-origin"}


async def test_a_token_is_made_shown_once_and_revoked_on_its_page(ledger: fl.Ledger) -> None:
    async with local(ledger) as client:
        sent = {"do": "make", "name": "shop-import", "role": "operator", "expires": "90d"}
        made = read((await client.post("/tokens", data=sent, headers=SAME)).text)
        secret = made.one("div", classes="note").one("div", classes="cmd").one("code").text
        async with client_of(create_app(ledger, auth="tokens")) as program:
            bearer = {"Authorization": f"Bearer {secret}"}
            assert (await program.get("/api/runs", headers=bearer)).status_code == 200
            assert (await program.get("/api/tokens", headers=bearer)).status_code == 403
            listed = (await client.get("/tokens")).text
            assert "shop-import" in listed
            assert secret not in listed
            gone = await client.post("/tokens", data={"do": "revoke", "name": "shop-import"}, headers=SAME)
            assert gone.status_code == 303
            assert (await program.get("/api/runs", headers=bearer)).status_code == 401
        after = (await client.get("/tokens")).text
        assert "Revoked the token of shop-import." in after
        assert not read(after).find("button", aria_label="Revoke the token of shop-import")
    (token,) = ledger.tokens.list()
    assert (token.made_by, token.revoked_by) == ("local", "local")
    assert [(act.summary.split(",")[0], act.channel) for act in ledger.history.trail(by="local")] == [
        ("revoked token shop-import", "web"),
        ("made token shop-import", "web"),
    ]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"do": "make", "name": "dana", "role": "viewer"}, "in use"),
        ({"do": "make", "name": "", "role": "viewer"}, "name"),
        ({"do": "make", "name": "noor", "role": "king"}, "king"),
        ({"do": "make", "name": "noor", "role": "viewer", "expires": "soon"}, "soon"),
        ({"do": "make", "name": "noor", "role": "viewer", "expires": "2020-01-01"}, "has passed"),
        ({"do": "revoke", "name": "nobody"}, "nobody"),
        ({"do": "sell", "name": "dana"}, "sell"),
    ],
)
async def test_what_is_refused_of_a_token_says_why_and_keeps_what_was_typed(
    ledger: fl.Ledger, sent: dict[str, str], why: str
) -> None:
    ledger.tokens.create("dana", "viewer")
    async with local(ledger) as client:
        answer = await client.post("/tokens", data=sent, headers=SAME)
    assert 400 <= answer.status_code < 500
    page = read(answer.text)
    assert why in page.one("div", role="alert").text
    assert page.one("input", name="name", type="text").attributes["value"] == sent["name"]
    assert [token.name for token in ledger.tokens.list()] == ["dana"]


async def test_tokens_by_the_api_are_those_of_the_page_and_of_python(ledger: fl.Ledger) -> None:
    async with local(ledger) as client:
        made = await client.post("/api/tokens", json={"name": "a/b", "role": "viewer", "expires": "1d"}, headers=SAME)
        assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
        assert made.json()["token"].startswith("fl_")
        again = await client.post("/api/tokens", json={"name": "a/b", "role": "viewer"}, headers=SAME)
        assert again.status_code == 400
        wrong = await client.post("/api/tokens", json={"name": "c", "role": "king"}, headers=SAME)
        assert wrong.status_code == 422
        listed = (await client.get("/api/tokens")).json()
        assert listed == (await client.get("/tokens.json")).json()
        assert [(token["name"], token["role"], "token" in token) for token in listed["tokens"]] == [
            ("a/b", "viewer", False)
        ]
        revoked = await client.post("/api/tokens/a%2Fb/revoke", headers=SAME)
        assert (revoked.status_code, revoked.json()["revokedBy"]) == (200, "local")
        assert (await client.post("/api/tokens/nobody/revoke", headers=SAME)).status_code == 404


async def test_only_an_admin_sees_or_makes_tokens(ledger: fl.Ledger) -> None:
    app = create_app(ledger, auth=lambda _: Principal("ada", {"editor"}))
    async with client_of(app) as client:
        answers: list[httpx.Response] = [
            await client.get("/tokens"),
            await client.get("/tokens.json"),
            await client.post("/tokens", data={"do": "make", "name": "eve", "role": "admin"}, headers=SAME),
            await client.get("/api/tokens"),
            await client.post("/api/tokens", json={"name": "eve", "role": "admin"}, headers=SAME),
        ]
        assert {answer.status_code for answer in answers} == {403}
        assert "Tokens" not in (await client.get("/audit")).text
    assert ledger.tokens.list() == []
