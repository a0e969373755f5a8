"""Steps of all runs: one row an attempt, found by what the address says. Tried on the story."""

import pytest

from flowledger.infrastructure.interfaces.presentation.documents import row_document

from .story import Story
from .visits import get, page


async def test_a_row_says_what_came_of_an_attempt_and_leads_to_it(told: Story) -> None:
    rows = (await page(told, "/steps?node=check-stock&status=failed")).find("tr")[1:]
    steps = told.ledger.history.steps(node="check-stock", status="failed")
    assert len(rows) == len(steps) > 1
    for row, step in zip(rows, steps, strict=True):
        assert "Failed" in row.text
        assert (step.error_type or "") in row.text
        assert step.run_id in row.one("a", classes="id").attributes["href"]
        assert ("attempt 2" in row.text) == (step.attempt == 2)


async def test_the_page_its_data_the_api_and_python_say_the_same(told: Story) -> None:
    found = told.ledger.history.steps(workflow_id="order-approval", where="output.shipping == 'express'", limit=2)
    said = [row_document(step) for step in found]
    query = "workflow=order-approval&where=output.shipping+%3D%3D+'express'&limit=2"
    assert len(said) == 2
    assert (await get(told, f"/steps.json?{query}")).json() == {"steps": said, "next": found.next}
    shown = (await page(told, f"/steps?{query}")).find("tr")[1:]
    assert [row.one("a", classes="id").attributes["title"].split(",")[0] for row in shown] == [
        f"run {step['runId']}" for step in said
    ]


async def test_pages_go_on_by_the_address(told: Story) -> None:
    first = await page(told, "/steps?limit=3")
    second = (await page(told, first.link("Older"))).find("tr")[1:]
    steps = told.ledger.history.steps(limit=6)
    assert [row.one("a", classes="id").attributes["title"] for row in second] == [
        f"run {step.run_id}, version {step.version}" for step in steps[3:]
    ]


@pytest.mark.parametrize(
    "query", ["longer=soon", "longer=-1", "status=error", "colour=red", "where=nothing", "limit=x"]
)
async def test_what_cannot_be_asked_for_is_refused(told: Story, query: str) -> None:
    assert (await get(told, f"/steps?{query}")).status_code == 400


async def test_a_list_without_steps_says_what_would_be_there(told: Story) -> None:
    assert "No steps" in (await page(told, "/steps?node=nowhere&longer=0.5")).text
