"""How the reader wants pages is kept by the browser, and only what there is can be chosen."""

import pytest

import flowledger as fl

from .client import local
from .reading import read


async def test_zone_and_colours_are_kept_for_the_pages_that_follow(ledger: fl.Ledger, run: fl.Run) -> None:
    async with local(ledger) as client:
        kept = await client.post("/preferences", data={"zone": "Asia/Tokyo", "theme": "dark"})
        page = read((await client.get(kept.headers["location"])).text)
        chosen = (await client.get("/preferences.json")).json()
    assert kept.status_code == 303
    assert page.one("html").attributes["data-theme"] == "dark"
    assert "Times in Asia/Tokyo" in page.one("footer").text
    assert "Times are in Asia/Tokyo now." in page.one("div", classes="toast").text
    assert chosen == {"zone": "Asia/Tokyo", "theme": "dark"}


@pytest.mark.parametrize("form", [{"zone": "Nowhere/Never"}, {"theme": "pink"}, {"zone": "../../etc/passwd"}])
async def test_what_there_is_not_is_refused(ledger: fl.Ledger, form: dict[str, str]) -> None:
    async with local(ledger) as client:
        refused = await client.post("/preferences", data=form)
    assert refused.status_code == 400
    assert "set-cookie" not in refused.headers
