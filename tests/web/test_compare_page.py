"""Two runs side by side: which other one, and what explains that a step went otherwise."""

import flowledger as fl

from .client import local
from .reading import read
from .story import Story
from .visits import get, page


async def test_any_run_is_compared_with_the_one_that_is_chosen(told: Story) -> None:
    chooser = (await page(told, f"/runs/{told.good}/compare/{told.run}")).link("Another run…")
    choices = await page(told, chooser)
    first, *others = choices.one("table").find("tr")[1:]
    assert "the last good one of version 7" in first.text
    assert first.one("th").one("a").attributes["href"] == f"/runs/{told.good}/compare/{told.run}"
    assert told.newest[-6:] in "".join(row.text for row in others)
    assert told.run[-6:] not in choices.one("table").text
    data = (await get(told, f"/runs/{told.run}/compare.json")).json()
    assert data["choices"][0]["id"] == told.good
    retry = await page(told, f"/runs/{told.retried}/compare")
    assert "of the same work order" in retry.text


async def test_a_run_is_compared_with_one_whose_id_is_typed(told: Story) -> None:
    async with local(told.ledger) as client:
        led = await client.post(f"/runs/{told.run}/compare", data={"other": f" {told.newest} "})
        unknown = await client.post(f"/runs/{told.run}/compare", data={"other": "nowhere"})
    assert (led.status_code, led.headers["location"]) == (303, f"/runs/{told.newest}/compare/{told.run}")
    assert unknown.status_code == 404


async def test_what_the_input_explains_is_kept_apart_from_what_it_does_not(told: Story) -> None:
    shown = await page(told, f"/runs/{told.newest}/compare/{told.run}")
    said = {row.one("th").text for row in shown.one("table", classes="cmp").find("tr")[1:] if row.find("td")}
    assert "check-stocksame input, other result" in said
    assert "shipother definitionother input" in said
    assert "3 steps got other input, 1 step came out otherwise with the same input." in shown.text


async def test_a_run_without_a_good_one_is_compared_with_another(ledger: fl.Ledger, run: fl.Run) -> None:
    async with local(ledger) as client:
        whole = read((await client.get(f"/runs/{run.id}")).text)
        choices = read((await client.get(whole.link("Compare with another run"))).text)
    assert "No other run of orders is on record." in choices.text
