"""Retention, legal holds and erasure on pages and by the API: looked at first, then done by an admin alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import flowledger as fl
from flowledger.web import Principal, create_app

from ..retention.shops import Shop, opened
from .client import client_of, local
from .reading import Element, read

SUBJECT = "customer:42"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Three orders that are old, one of them a subject's, and one that is young."""
    keys = fl.KeyRing.generate(tmp_path / "keys")
    with opened(f"sqlite:///{tmp_path}/shop.db", tmp_path, keys) as shop:
        shop.order("first")
        shop.order("second")
        shop.order("hers", subject=SUBJECT)
        shop.age()
        shop.order("young")
        yield shop


def runs_of(shop: Shop) -> list[str]:
    """Oldest first."""
    return [run.id for run in reversed(shop.ledger.history.runs().items)]


async def page(client: httpx.AsyncClient, address: str) -> Element:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    return read(answer.text)


async def send(client: httpx.AsyncClient, address: str, **form: str) -> tuple[int, Element]:
    """The status, and the page that it is or leads to."""
    answer = await client.post(address, data=form)
    shown = await client.get(answer.headers["location"]) if answer.status_code == 303 else answer
    return answer.status_code, read(shown.text)


async def test_a_policy_is_previewed_and_applied_once_the_number_of_runs_is_typed(shop: Shop) -> None:
    at = "/retention/apply?older_than=90d"
    async with local(shop.ledger) as client:
        overview = await page(client, (await page(client, "/audit")).link("Retention"))
        assert "history begins with the first run" in overview.text
        preview = await page(client, overview.link("Remove old runs…"))
        assert preview.one("div", classes="tally").find("b")[0].text == "3"
        assert "something has happened in them since" in preview.text
        for wrong in ("", "4", "all"):
            status, refused = await send(client, at, confirm=wrong)
            assert (status, "3 go now" in refused.one("div", role="alert").text) == (400, True)
        assert len(runs_of(shop)) == 4
        status, done = await send(client, at, confirm="3", why="as agreed")
        assert status == 303
        assert "3 runs with" in done.one("div", classes="toast").text
        (row,) = done.one("tbody").find("tr")
        assert [cell.text for cell in row.find("td")][:1] == ["3"]
        assert len(runs_of(shop)) == 1
        history = await page(client, "/history")
        assert history.link("What was removed") == "/retention"
        assert (await client.get("/retention.json")).json()["removals"][0]["by"] == "local"
    (act,) = shop.ledger.history.trail(kind="retention")
    assert ("as agreed" in act.summary, act.channel) == (True, "web")


async def test_a_legal_hold_is_placed_on_a_run_or_a_subject_and_lifted(shop: Shop) -> None:
    first = runs_of(shop)[0]
    async with local(shop.ledger) as client:
        from_the_run = (await page(client, f"/runs/{first}")).link("Legal hold…")
        form = (await page(client, from_the_run)).one("form", aria_label="Place a legal hold")
        assert form.one("input", name="run_id").attributes["value"] == first
        for on in ({"run_id": first}, {"subject": SUBJECT}):
            assert (await send(client, "/retention", do="hold", why="case 7", **on))[0] == 303
        held = await page(client, "/retention")
        assert [row.find("td")[0].text for row in held.one("tbody").find("tr")] == ["case 7", "case 7"]
        assert SUBJECT not in held.text
        preview = await page(client, "/retention/apply?older_than=90d")
        assert "they are under a legal hold" in preview.text
        assert preview.one("div", classes="tally").find("b")[0].text == "1"
        status, refused = await send(client, "/subjects/erase", do="erase", subject=SUBJECT, confirm=SUBJECT)
        assert (status, "local has placed a legal hold on it: case 7." in refused.one("div", role="alert").text) == (
            409,
            True,
        )
        assert (await send(client, "/retention", do="lift", run_id=first, why="closed"))[0] == 303
        assert (await send(client, "/retention", do="lift", subject=SUBJECT))[0] == 303
    assert shop.ledger.retention.holds() == ()


async def test_a_runs_page_says_what_legal_holds_keep_it(shop: Shop) -> None:
    retention, (_, other, hers, young) = shop.ledger.retention, runs_of(shop)
    again = shop.ledger.runs.reproduce(other, by="ada").id
    on_run = retention.hold(other, by="law", reason="case 7")
    on_subject = retention.hold(subject=SUBJECT, by="law", reason="case 8")
    async with (
        local(shop.ledger) as client,
        client_of(create_app(shop.ledger, auth=lambda _: Principal("eve", {"viewer"}))) as reader,
    ):
        for run, hold, said in (
            (other, on_run, "case 7by law, since"),
            (again, on_run, f"on run {other[-6:]} of its work order"),
            (hers, on_subject, "on all runs of its subject"),
        ):
            assert retention.holds(run) == (hold,)
            facts = (await page(client, f"/runs/{run}")).one("section", aria_label="The run in short")
            assert said in facts.text
            assert facts.link("Lift it") == f"/retention#hold-{hold.id}"
            assert (await page(reader, f"/runs/{run}")).link("All legal holds") == f"/retention#hold-{hold.id}"
            (told,) = (await client.get(f"/api/retention/holds?run={run}")).json()["holds"]
            assert [told] == (await client.get(f"/runs/{run}.json")).json()["legalHolds"]
            assert (told["id"], told["reason"]) == (hold.id, hold.reason)
        assert retention.holds(young) == ()
        assert "Legal hold" not in [each.text for each in (await page(reader, f"/runs/{young}")).find("dt")]
        assert (await client.get("/api/retention/holds?run=nobody")).status_code == 404


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"do": "hold", "why": "case"}, "Name a run, or a subject"),
        ({"do": "hold", "run_id": "0192a1b2-0000-7000-8000-000000000000", "why": "case"}, "0192a1b2"),
        ({"do": "hold", "subject": "nobody", "why": "case"}, "nobody"),
        ({"do": "hold", "subject": SUBJECT}, "needs a reason"),
        ({"do": "lift", "subject": SUBJECT}, "under no legal hold"),
        ({}, "neither hold nor lift"),
    ],
)
async def test_a_hold_that_cant_be_placed_or_lifted_says_why(shop: Shop, form: dict[str, str], said: str) -> None:
    async with local(shop.ledger) as client:
        status, refused = await send(client, "/retention", **form)
    assert 400 <= status < 500
    assert said in refused.one("div", role="alert").text
    if form.get("do") == "hold":
        assert refused.one("input", name="why", placeholder="Why, such as: case 7").attributes["value"] == form.get(
            "why", ""
        )


async def test_a_subject_is_erased_once_every_place_was_shown_and_its_name_typed_again(shop: Shop) -> None:
    run = next(run.id for run in shop.ledger.history.runs() if "hers" in str(shop.ledger.runs.get(run.id).snapshot))
    async with local(shop.ledger) as client:
        empty = await page(client, "/subjects/erase")
        assert [button.text for button in empty.one("section", classes="act").find("button", name="do")] == [
            "Look what there is"
        ]
        status, unknown = await send(client, "/subjects/erase", do="look", subject="nobody")
        assert (status, "nobody" in unknown.one("div", role="alert").text) == (404, True)
        status, looked = await send(client, "/subjects/erase", do="look", subject=SUBJECT)
        report = shop.ledger.erase(SUBJECT, dry_run=True)
        assert status == 200
        assert [term.text.lower() for term in looked.find("dt")] == [place.place.lower() for place in report.places]
        assert [term.text for term in looked.find("dd")] == [place.done for place in report.places]
        assert looked.link(run[-6:]) == f"/runs/{run}"
        status, refused = await send(client, "/subjects/erase", do="erase", subject=SUBJECT, confirm="customer:4")
        assert (status, "exactly as it is" in refused.one("div", role="alert").text) == (400, True)
        assert "hers" in (await client.get(f"/api/runs/{run}")).text
        status, done = await send(client, "/subjects/erase", do="erase", subject=SUBJECT, confirm=SUBJECT, why="asked")
        assert (status, done.one("h1").text) == (200, "Erased")
        assert done.link("Back to Retention") == "/retention"
        assert SUBJECT not in done.text
        assert "erased subject" in (await page(client, done.link("audit"))).text
        assert "hers" not in (await client.get(f"/api/runs/{run}")).text
    assert shop.ledger.verify(deep=True).ok


async def test_the_api_says_and_does_what_python_does(shop: Shop) -> None:
    first = runs_of(shop)[0]
    ledger = shop.ledger
    async with local(ledger) as api:

        async def ask(path: str, body: Any = None) -> Any:
            answer = await (api.get(path) if body is None else api.post(path, json=body))
            assert answer.status_code == 200, answer.text
            return answer.json()

        policy = {"olderThan": "90d", "status": ["completed"]}
        assert (await ask("/api/retention/preview", policy))["runs"] == 3
        hold = await ask("/api/retention/hold", {"runId": first, "reason": "case 7"})
        assert (await ask("/api/retention/holds"))["holds"] == [hold]
        dry = await ask("/api/erase", {"subject": SUBJECT, "dryRun": True})
        assert [place["place"] for place in dry["places"]] == [
            place.place for place in ledger.erase(SUBJECT, dry_run=True).places
        ]
        assert (await ask("/api/erase", {"subject": SUBJECT, "reason": "asked"}))["dryRun"] is False
        done = await ask("/api/retention/apply", {**policy, "reason": "as agreed"})
        assert (done["runs"], done["preview"]) == (2, False)
        assert [each["runs"] for each in (await ask("/api/retention/removals"))["removals"]] == [2]
        assert await ask("/api/retention/lift", {"runId": first}) == {"holds": []}
        for wrong in ({"olderThan": "soon"}, {"status": ["active"]}, {}):
            assert (await api.post("/api/retention/apply", json=wrong)).status_code == 400, wrong
        assert (await api.post("/api/erase", json={"subject": "nobody"})).status_code == 404
    assert len(runs_of(shop)) == 2


async def test_only_an_admin_removes_holds_and_erases_and_others_may_look(shop: Shop) -> None:
    shop.ledger.retention.hold(runs_of(shop)[0], by="ada", reason="case 7")
    app = create_app(shop.ledger, auth=lambda _: Principal("eve", {"editor"}))
    async with client_of(app) as client:
        shown = await page(client, "/retention")
        assert "case 7" in shown.text
        assert shown.one("main").find("form", method="post") == []
        assert (await client.get("/api/retention/holds")).status_code == 200
        for address in ("/retention/apply", "/subjects/erase"):
            assert (await client.get(address)).status_code == 403
        sent = [
            await client.post("/retention", data={"do": "lift", "run_id": runs_of(shop)[0]}),
            await client.post("/retention/apply?older_than=90d", data={"confirm": "2"}),
            await client.post("/subjects/erase", data={"do": "look", "subject": SUBJECT}),
            await client.post("/api/retention/apply", json={"olderThan": "90d"}),
            await client.post("/api/erase", json={"subject": SUBJECT, "dryRun": True}),
        ]
    assert {answer.status_code for answer in sent} == {403}
    assert len(runs_of(shop)) == 4


async def test_a_policy_that_keeps_nothing_is_no_button(shop: Shop) -> None:
    async with local(shop.ledger) as client:
        asked = await page(client, "/retention/apply")
        assert "Say what stays" in asked.text
        assert asked.find("input", name="confirm") == []
        assert (await send(client, "/retention/apply", confirm="3"))[0] == 400
        assert (await client.get("/retention/apply?older_than=soon")).status_code == 400
    assert len(runs_of(shop)) == 4
