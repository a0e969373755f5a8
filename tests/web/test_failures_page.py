"""Failures: what is alike, since when, on which versions, and what an opened group says. Tried on the story."""

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.presentation.documents import row_document
from flowledger.infrastructure.interfaces.web.pages.failure_detail import last_place

from .story import Story
from .visits import get, page


def key_errors(told: Story) -> fl.FailureGroup:
    """Those that failed as order o-20817 did."""
    return next(group for group in told.ledger.history.failures() if group.error_type == "KeyError")


async def test_a_group_says_how_many_where_since_when_and_on_which_versions(told: Story) -> None:
    group = key_errors(told)
    row = (await page(told, "/failures")).one("tr", id=f"group-{group.id}")
    assert group.count == len(told.alike) + 1
    for said in (str(group.count), "ship", "KeyError", "'…'", "v7–v8", "none on v9", group.example[-6:]):
        assert said in row.text
    days = row.one("svg", classes="spark")
    assert days.attributes["aria-label"] == "on each of the last 7 days: 0, 0, 0, 0, " + ", ".join(
        str({count.value: count.count for count in group.days}.get(f"2026-11-{day}", 0)) for day in (23, 24, 25)
    )


async def test_an_opened_group_says_where_in_the_code_and_how_each_version_fared(told: Story) -> None:
    group = key_errors(told)
    opened = (await page(told, f"/failures?open={group.id}")).one("tr", classes="more")
    assert "'express'" in opened.text
    assert "story.py" in opened.text
    runs = {count.value: count.count for count in told.ledger.history.counts("version", "order-approval")}
    failed = {count.value: count.count for count in group.versions}
    rows = opened.one("table", classes="eff").find("tr")[1:]
    assert [[cell.text for cell in row.find("td")[:2]] for row in rows] == [
        [str(failed.get(number, 0)), str(runs.get(number, 0))] for number in (9, 8, 7)
    ]
    assert f"{group.retryable} runs can be retried" in opened.text
    assert f"{group.retried} run was retried already" in opened.text


async def test_the_page_its_data_the_api_and_python_say_the_same(told: Story) -> None:
    said = [row_document(group) for group in told.ledger.history.failures()]
    assert (await get(told, "/failures.json?since=all")).json()["failures"] == said
    assert (await get(told, "/api/failures")).json()["failures"] == said
    shown = (await page(told, "/failures?since=all")).find("tr")
    assert [row.attributes["id"] for row in shown if "id" in row.attributes] == [f"group-{one['id']}" for one in said]


async def test_filters_and_pages_are_in_the_address(told: Story) -> None:
    every = (await get(told, "/failures.json?since=all&retried=yes")).json()["failures"]
    first = (await get(told, "/failures.json?since=all&retried=yes&limit=1")).json()
    rest = (await get(told, f"/failures.json?since=all&retried=yes&limit=1&after={first['next']}")).json()
    assert first["failures"] + rest["failures"] == every[:2]
    shown = await page(told, "/failures?since=all&retried=yes&limit=1")
    more = (await page(told, shown.link("Smaller"))).find("tr")
    assert [row.attributes["id"] for row in more if "id" in row.attributes] == [f"group-{every[1]['id']}"]
    assert (await get(told, "/failures.json?node=nowhere")).json()["failures"] == []
    assert "Nothing has failed today" in (await page(told, "/failures?since=1d&node=nowhere")).text


@pytest.mark.parametrize(
    ("query", "status"), [("since=yesteryear", 400), ("retried=perhaps", 400), ("colour=red", 400), ("workflow=x", 404)]
)
async def test_what_cannot_be_asked_for_is_refused(told: Story, query: str, status: int) -> None:
    assert (await get(told, f"/failures?{query}")).status_code == status


def test_the_innermost_place_of_a_traceback_is_the_one() -> None:
    traceback = (
        'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    g()\n  File "b.py", line 7, in g\n'
        "    carrier = CARRIERS[\"express\"]\n              ~~~~~~~~^^^^^^^^^^^\nKeyError: 'express'\n"
    )
    place = last_place(traceback)
    assert place is not None
    assert (place.file, place.line, place.code) == ("b.py", 7, 'carrier = CARRIERS["express"]')
    assert last_place("no traceback") is None
