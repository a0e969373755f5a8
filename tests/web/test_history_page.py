"""History: what is listed, what its filters say, what opens in place. Each is tried on the story, without a browser."""

import shlex
from datetime import UTC, datetime
from functools import partial

import pytest

import flowledger as fl
from flowledger.testing import memory_ledger

from . import visits
from .client import local
from .reading import query_of, read
from .story import Story

BERLIN = {"cookie": "flowledger_zone=Europe%2FBerlin"}


get, page = partial(visits.get, headers=BERLIN), partial(visits.page, headers=BERLIN)


async def test_each_run_says_where_it_stands_and_until_when(told: Story) -> None:
    rows = [row.text for row in (await page(told, "/history")).find("tr", classes="l0")]
    where = {run: told.ledger.runs.get(run).work_order_id[-6:] for run in (told.run, told.waiting, told.held, told.due)}
    said = {run: next(row for row in rows if order in row) for run, order in where.items()}
    assert "Failed" in said[told.run]
    assert "ship, KeyError" in said[told.run]
    assert "23 Nov 09:41" in said[told.run]
    assert "2 d 4 h" in said[told.run]
    assert "review, answer until 30 Nov 14:11" in said[told.waiting]
    assert "held" in said[told.held]
    assert "check-stock, StockTimeout, retry due 14:20:06" in said[told.due]


async def test_a_chip_is_that_of_the_runs_own_version(told: Story) -> None:
    whole = await page(told, "/history")
    chips = {row.one("a", classes="chip").text: row for row in whole.find("tr", classes="l0")}
    saved = told.ledger.workflows.get("order-approval", 7)
    assert {"latest", saved.snapshot_id} <= chips.keys()
    tip = chips[saved.snapshot_id].one("span", role="tooltip").text
    taken = saved.taken_at.strftime("%Y-%m-%d at ")
    assert tip.startswith(f"This run is based on a snapshot of this workflow that was taken on {taken}")
    assert chips["latest"].one("span", role="tooltip").text == (
        "This run is based on the latest version of this workflow."
    )


async def test_chips_are_those_of_the_ledger_that_is_shown() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: None)
    for name in ("a", "b"):
        with memory_ledger(executors) as ledger:
            for version in (1, 2):
                ledger.workflows.save({"nodes": [{"id": f"{name}{version}", "type": "work"}]}, workflow_id="orders")
                ledger.runs.start("orders")
            async with local(ledger) as client:
                whole = read((await client.get("/history")).text)
            chips = {chip.text for chip in whole.find("a", classes="chip")}
            assert chips == {"latest", ledger.workflows.get("orders", 1).snapshot_id}


async def test_counts_are_those_of_the_lists_that_they_lead_to(told: Story) -> None:
    counts = (await page(told, "/history?status=failed")).one("div", classes="counts")
    for link in counts.find("a"):
        listed = (await get(told, link.attributes["href"].replace("/history", "/history.json"))).json()["runs"]
        assert link.one("b").text == str(len(listed)), link.text


async def test_filters_stand_in_words_and_can_be_taken_away(told: Story) -> None:
    address = (
        "/history?error=KeyError&node=ship&since=2026-11-24T00:00:00%2B01:00&status=failed&version=8"
        "&workflow=order-approval"
    )
    whole = await page(told, address)
    assert whole.one("p", classes="summary").text == (
        "2 runs of order-approval, on version 8, that are failed, at node ship, with KeyError, started since "
        "24 Nov 00:00; the newest first."
    )
    assert len(whole.find("tr", classes="l0")) == 2
    without = whole.link("Take away the filter version")
    assert query_of(without) == [pair for pair in query_of(address) if pair[0] != "version"]
    assert len((await page(told, without)).find("tr", classes="l0")) == 5


async def test_a_filter_form_keeps_the_other_filters(told: Story) -> None:
    whole = await page(
        told, "/history?status=failed&status=paused&workflow=order-approval&where=payload.order.total%3E1"
    )
    forms = [form for form in whole.find("form") if form.attributes.get("action") == "/history" and form.find("button")]
    change = next(form for form in forms if form.find("input", type="text", name="workflow"))
    kept = [(field.attributes["name"], field.attributes["value"]) for field in change.find("input", type="hidden")]
    assert kept == [("status", "failed"), ("status", "paused"), ("where", "payload.order.total>1")]


async def test_fields_that_were_left_empty_are_no_filters(told: Story) -> None:
    empty = await get(told, "/history?workflow=&status=&node=&since=&held=&limit=")
    assert read(empty.text).find("p", classes="summary")[0].text == "All runs, the newest first."


async def test_a_work_order_opens_to_its_runs_and_a_run_to_its_steps(told: Story) -> None:
    order = told.ledger.runs.work_order(told.ledger.runs.get(told.retried).work_order_id)
    closed = await page(told, "/history")
    opened = await page(told, closed.link(f"Runs of work order {order.id[-6:]}").partition("#")[0])
    first, second = opened.find("tr", classes="l1")
    assert (first.find("a", classes="id")[0].text, second.find("a", classes="id")[0].text) == (
        told.retried[-6:],
        told.alike[0][-6:],
    )
    assert f"retry of {told.alike[0][-6:]}" in first.text
    steps = await page(told, opened.link(f"Steps of run {told.alike[0][-6:]}").partition("#")[0])
    lines = [row.text for row in steps.find("tr", classes="l2")]
    assert [line.split()[1] for line in lines] == [
        "intake", "check-stock", "score-risk", "review", "charge",
        "each-line", "reserve", "each-line", "reserve", "each-line", "reserve", "each-line", "ship",
    ]  # fmt: skip
    assert "KeyError: 'express'" in lines[-1]
    closed_again = steps.link(f"Runs of work order {order.id[-6:]}").partition("#")[0]
    assert not (await page(told, closed_again)).find("tr", classes="l1")


async def test_attempts_that_follow_one_another_are_one_line(told: Story) -> None:
    order = told.ledger.runs.get(told.run).work_order_id
    lines = [row.text for row in (await page(told, f"/history?open={order}")).find("tr", classes="l2")]
    stock = next(line for line in lines if "check-stock" in line.split()[1])
    assert "3 attempts StockTimeout twice, then → score-risk" in stock
    review = next(line for line in lines if "review" in line.split()[1])
    assert "by “approved” → charge" in review
    assert "2 d 4 h" in review


async def test_pages_go_down_by_keys_and_back_to_the_newest(told: Story) -> None:
    first = await page(told, "/history?limit=5")
    second = await page(told, first.link("Older"))
    third = await page(told, second.link("Older"))
    shown = [row.one("a", classes="id").attributes["title"] for each in (first, second, third)
             for row in each.find("tr", classes="l0")]  # fmt: skip
    assert len(shown) == len(set(shown)) == 12
    assert second.link("Newest") == "/history?limit=5"
    assert not [link for link in third.find("a") if link.text == "Older" and "href" in link.attributes]


@pytest.mark.parametrize("key", ["started", "activity", "duration"])
async def test_a_click_on_a_head_sorts_and_another_turns_it_round(told: Story, key: str) -> None:
    head = {"started": "Started", "activity": "Last activity", "duration": "Took"}[key]
    first = await page(told, "/history?status=failed&status=completed")
    by_key = await page(told, first.link(head)) if key != "started" else first
    turned = await page(told, by_key.link(head))
    for sort, whole in ((f"-{key}", by_key), (key, turned)):
        shown = [row.one("a", classes="id").attributes["title"] for row in whole.find("tr", classes="l0")]
        listed = told.ledger.history.runs(status=["failed", "completed"], sort=sort)
        wanted = dict.fromkeys(f"work order {run.work_order_id}" for run in listed)
        assert [title.partition(",")[0] for title in shown] == list(wanted)
        sorted_heads = [each for each in whole.find("th") if "aria-sort" in each.attributes]
        assert [each.text for each in sorted_heads] == [head]
    back = [pair for pair in query_of(turned.link(head)) if pair[0] == "sort"]
    assert back == ([] if key == "started" else [("sort", f"-{key}")])


async def test_values_stand_in_columns_of_their_own(told: Story) -> None:
    whole = await page(told, "/history?column=payload.order.id&column=payload.order.nothing&open=x")
    heads = [each.text for each in whole.find("th", classes="c-data")]
    assert heads == ["payload.order.id", "payload.order.nothing"]
    rows = {
        row.one("a", classes="id").attributes["title"].partition(", run ")[2]: row
        for row in whole.find("tr", classes="l0")
    }
    assert [cell.text for cell in rows[told.run].find("td", classes="c-data")] == ["o-20817", "–"]
    assert (await get(told, "/history?column=payload.(")).status_code == 400


async def test_a_search_says_what_it_found_and_leads_there(told: Story) -> None:
    whole = await page(told, "/history?text=c20817")
    (row,) = whole.find("tr", classes="l0")
    hit = row.one("mark", classes="hit")
    assert hit.text == "c20817"
    assert hit.parent is not None
    assert hit.parent.text == "c20817@example.org"
    place = next(link for link in row.find("a") if link.text == "payload.order.customer")
    assert (await get(told, place.attributes["href"])).status_code == 200


async def test_what_is_shown_can_be_copied_as_a_command_and_as_a_line_of_python(told: Story) -> None:
    address = "/history?status=failed&where=payload.order.total > 250&workflow=order-approval&since=2026-11-20"
    whole = await page(told, address)
    data, command, python = [code.text for code in whole.one("details", classes="copyas").find("code")]
    listed = (await get(told, data)).json()["runs"]
    line = eval(python, {"ledger": told.ledger, "datetime": datetime})  # noqa: S307 - that is what it is for
    assert [run["id"] for run in listed] == [run.id for run in line] != []
    assert shlex.split(command) == [
        "flowledger", "history", "--workflow", "order-approval", "--status", "failed", "--since",
        "2026-11-20T00:00:00+00:00", "--where", "payload.order.total > 250",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("statsu=failed", "statsu"),
        ("status=broken", "status"),
        ("since=yesterweek", "since"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("held=perhaps", "held"),
        ("after=nonsense", "cursor"),
        ("where=payload.(", "payload.("),
        ("version=7", "workflow"),
        ("as_of=2026-11-25T00:00Z&held=yes", "held"),
    ],
)
async def test_a_filter_that_cannot_be_read_is_refused_by_its_name(told: Story, query: str, named: str) -> None:
    for address in (f"/history?{query}", f"/history.json?{query}"):
        answer = await get(told, address)
        assert answer.status_code == 400, answer.text
        assert named in answer.text


async def test_a_workflow_that_there_is_not_is_not_found(told: Story) -> None:
    assert (await get(told, "/history?workflow=nobody")).status_code == 404


async def test_where_nothing_matches_each_filter_can_be_taken_away(told: Story) -> None:
    whole = await page(told, "/history?by=nobody&status=failed")
    assert "No run matches" in whole.text
    assert query_of(whole.link("Started by nobody")) == [("status", "failed")]


async def test_an_empty_store_says_what_would_be_here(ledger: fl.Ledger) -> None:
    async with local(ledger) as client:
        whole = read((await client.get("/history")).text)
    assert "No runs yet" in whole.text
    assert "flowledger run start" in whole.text


async def test_names_and_values_of_the_record_are_shown_as_text(ledger: fl.Ledger) -> None:
    hostile = "<script>alert(1)</script>\"'&{{ 7777777*7777777 }}"
    ledger.runs.start("orders", payload={"note": hostile}, by=hostile)
    async with local(ledger) as client:
        answer = await client.get("/history", params={"by": hostile})
    assert "<script>alert" not in answer.text
    assert "60493815061729" not in read(answer.text).one("main").text
    assert hostile in read(answer.text).one("main").text


async def test_a_list_as_of_a_time_shows_runs_as_they_stood(told: Story) -> None:
    then = await page(told, "/history?as_of=2026-11-25T12:59:59Z")
    assert "as of 13:59:59" in then.one("p", classes="summary").text
    order = told.ledger.runs.get(told.run).work_order_id[-6:]
    assert "Paused" in next(row.text for row in then.find("tr", classes="l0") if order in row.text)
    assert datetime(2026, 11, 25, 13, 20, tzinfo=UTC) > told.ledger.runs.get(told.run).started_at


async def test_runs_over_time_stand_beside_the_counts_and_each_day_leads_to_its_runs(told: Story) -> None:
    shown = await page(told, "/history")
    chart = shown.one("figure")
    began = [run.started_at.date().isoformat() for run in told.ledger.history.runs(limit=100)]
    failed = [run.started_at.date().isoformat() for run in told.ledger.history.runs(status="failed", limit=100)]
    rows = {row.one("a").text: [cell.text for cell in row.find("td")] for row in chart.find("tr")[1:]}
    assert rows == {day: [str(began.count(day)), str(failed.count(day))] for day in began}
    said = chart.one("svg", role="img").attributes["aria-label"]
    assert said.startswith(f"{len(began)} runs began in 28 days, {len(failed)} of them failed; most on ")
    day = began[0]
    one_day = await page(told, chart.link(day))
    assert one_day.one("div", aria_label="By status").link(f"All {began.count(day)}")
    assert [row.one("a").text for row in one_day.one("figure").find("tr")[1:]] == [day]


@pytest.mark.parametrize("query", ["text=express", "since=2030-01-01", "workflow=order-approval&until=2020-01-01"])
async def test_where_no_day_has_a_run_or_a_search_would_count_each_there_is_no_chart(told: Story, query: str) -> None:
    assert not (await page(told, f"/history?{query}")).find("figure")
