"""Search: which runs have the words, where, and what stands there. Tried on the story."""

from flowledger.infrastructure.interfaces.presentation.documents import row_document

from .reading import read
from .story import Story
from .visits import get, page


async def test_a_hit_says_where_it_is_marks_the_word_and_leads_there(told: Story) -> None:
    shown = await page(told, "/search?text=carrier+knows")
    runs = told.ledger.history.runs(text="carrier knows", limit=20)
    assert [row.one("a", classes="id").attributes["title"] for row in shown.find("div", classes="hit-head")] == [
        f"run {run.id}" for run in runs
    ]
    match = next(match for match in runs.items[0].matches or () if match.word == "knows")
    hit = next(row for row in shown.find("li") if row.find("mark") and row.find("mark")[0].text == "knows")
    assert hit.one("a", classes="where").text == match.place
    address = f"/runs/{runs.items[0].id}?step={match.node_id}&version={match.version}"
    assert hit.one("a", classes="where").attributes["href"] == address
    assert (await get(told, address)).status_code == 200


async def test_the_page_and_its_data_say_what_python_says(told: Story) -> None:
    found = told.ledger.history.runs(text="express", limit=2)
    said = {"runs": [row_document(run) for run in found], "next": found.next}
    assert (await get(told, "/search.json?text=express&limit=2")).json() == said


async def test_it_is_said_how_many_runs_have_the_words(told: Story) -> None:
    total = sum(count.count for count in told.ledger.history.counts(group="status", text="express"))
    assert total > 2
    assert f"2 of {total} runs" in (await page(told, "/search?text=express&limit=2")).text


async def test_what_was_found_is_counted_by_status_and_by_place(told: Story) -> None:
    shown = await page(told, "/search?text=express&limit=3")
    counted = told.ledger.history.counts(group="status", text="express")
    for each in counted:
        address = shown.link(f"{str(each.value).capitalize()} {each.count}")
        listed = await page(told, f"{address}&limit=100")
        assert len({link.attributes["title"] for link in listed.find("a", classes="id plain")}) <= each.count
        assert f"of {each.count} run" in listed.text
    kinds = [
        sorted({match.place.split(".")[0].split("[")[0] for match in run.matches or ()})
        for run in told.ledger.history.runs(text="express", limit=3)
    ]
    for kind in {kind for each in kinds for kind in each}:
        many = sum(kind in each for each in kinds)
        assert f"{kind} of {many} run" in shown.text


async def test_nothing_found_and_nothing_asked_say_what_could_be(told: Story) -> None:
    assert "Nothing found" in (await page(told, "/search?text=zebra")).text
    assert "Search the runs" in (await page(told, "/search")).text
    assert (await get(told, "/search?text=...")).status_code == 400


async def test_the_bar_searches_here(told: Story) -> None:
    assert (await page(told, "/history")).one("form", classes="find").attributes["action"] == "/search"


async def test_a_run_is_found_by_the_end_of_its_id_as_pages_show_it(told: Story) -> None:
    for part in (told.run[-6:], told.run[:20]):
        shown = await page(told, f"/search?text={part}")
        assert shown.link(told.run) == f"/runs/{told.run}"
        assert "Nothing found" not in shown.text
    assert "By its id" not in (await page(told, "/search?text=express")).text


async def test_an_unknown_run_is_searched_for_and_those_it_may_be_are_named(told: Story) -> None:
    answer = await get(told, f"/runs/{told.run[-6:]}")
    assert answer.status_code == 404
    shown = read(answer.text)
    assert shown.link(f"run {told.run}") == f"/runs/{told.run}"
    assert shown.one("main").find("input")[0].attributes["value"] == told.run[-6:]
    assert "run 0" not in (await get(told, "/runs/nobody")).text
