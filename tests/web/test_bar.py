"""The bar of every page: what it counts, for whom."""

from flowledger.web import create_app

from .client import client_of
from .visits import Story, page


async def test_the_bar_counts_the_questions_that_are_open(told: Story) -> None:
    bar = (await page(told, "/failures")).one("nav", aria_label="Pages")
    waits = next(link for link in bar.find("a") if link.attributes["href"] == "/waits")
    assert waits.one("span", classes="count").text == f"{len(told.ledger.history.waits())} open questions"


async def test_who_is_not_known_is_told_nothing_of_the_store(told: Story) -> None:
    async with client_of(create_app(told.ledger, auth=lambda request: None)) as client:
        answer = await client.get("/history")
    assert answer.status_code == 403
    assert "A store" not in answer.text
    assert "open questions" not in answer.text
