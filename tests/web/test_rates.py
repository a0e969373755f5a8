"""One person can't take a server for himself."""

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.web.security.rates import RequestRate
from flowledger.infrastructure.interfaces.web.security.refusals import Refusal
from flowledger.web import Principal, create_app

from .client import client_of


async def test_who_asks_too_often_is_told_when_to_come_back_and_others_are_served(ledger: fl.Ledger) -> None:
    app = create_app(
        ledger, auth=lambda request: Principal(request.headers["x-user"], {"viewer"}), requests_per_minute=3
    )
    async with client_of(app) as client:
        ada = {"x-user": "ada"}
        served = [(await client.get("/api/runs", headers=ada)).status_code for _ in range(3)]
        refused = await client.get("/api/runs", headers=ada)
        page = await client.get("/history", headers={**ada, "accept": "text/html"})
        other = await client.get("/api/runs", headers={"x-user": "bob"})
    assert (served, other.status_code) == ([200] * 3, 200)
    assert refused.status_code == page.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert refused.json()["title"] == "Too many requests"
    assert refused.json()["limit"] == 3
    assert page.headers["retry-after"]
    assert "try again in" in page.text


def test_requests_come_back_evenly_and_never_more_than_a_minutes() -> None:
    now = 0.0
    rate = RequestRate(60, lambda: now)
    for _ in range(60):
        rate.count("ada")
    for later, allowed in ((0.0, 0), (0.5, 0), (1.0, 1), (3.0, 2), (10_000.0, 60)):
        now = later
        for _ in range(allowed):
            rate.count("ada")
        with pytest.raises(Refusal) as refused:
            rate.count("ada")
        assert refused.value.headers == {"Retry-After": "1"}


def test_without_a_limit_as_many_as_come_are_served() -> None:
    rate = RequestRate(None)
    for _ in range(100_000):
        rate.count("ada")


def test_a_rate_of_nothing_is_refused(ledger: fl.Ledger) -> None:
    with pytest.raises(fl.InvalidRequest, match="requests_per_minute=0: give 1 or more, or None"):
        create_app(ledger, requests_per_minute=0)
