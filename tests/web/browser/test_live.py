"""Pages that follow the store: what changed changes in place, what is new is announced, nobody loses a place."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from ..story import Story, order
from .sites import Site, site_of

pytestmark = pytest.mark.exhaustive

Open = Callable[..., Any]


site = site_of("function", alike=0)


@pytest.fixture
def told(site: Site) -> Story:
    return site.story


def shown(page: Any, words: str) -> None:
    page.get_by_text(words, exact=False).first.wait_for()


def work_order(told: Story, run_id: str) -> str:
    return str(told.ledger.runs.get(run_id).work_order_id)


def test_a_run_that_moves_on_changes_its_row_and_a_new_one_is_announced(opened: Open, told: Story) -> None:
    page = opened("/history")
    shown(page, "Live")
    rows = page.locator("tr.l0").count()
    row = page.locator(f'[data-part="+{work_order(told, told.waiting)}"]')
    assert "Paused" in row.inner_text()
    told.ledger.runs.cancel(told.waiting, by="ivo")
    row.get_by_text("Cancelled").wait_for()
    new = told.ledger.runs.start("order-approval", order(30_001), by="webhook", wait=False)
    link = page.get_by_role("link", name="1 new since", exact=False)
    link.wait_for()
    assert page.locator("tr.l0").count() == rows, "nothing is inserted"
    page.keyboard.press(".")
    page.locator(f'[data-part="+{new.work_order_id}"]').wait_for()
    assert page.locator("tr.l0").count() == rows + 1
    assert page.evaluate("document.activeElement.closest('[data-part]').dataset.part") == f"+{new.work_order_id}"


def test_a_page_over_plain_http_from_another_host_follows_by_looking(opened: Open, told: Story) -> None:
    """Where the browser has no locks, no tab could be the one that has the stream."""
    page = opened("/waits")
    page.add_init_script("delete Navigator.prototype.locks")
    page.clock.install()
    page.goto("/history")
    shown(page, "Live")
    row = page.locator(f'[data-part="+{work_order(told, told.waiting)}"]')
    told.ledger.runs.cancel(told.waiting, by="ivo")
    page.clock.run_for(10_000)
    row.get_by_text("Cancelled").wait_for()


def test_what_was_picked_and_opened_stays_so(opened: Open, told: Story) -> None:
    page = opened("/history")
    shown(page, "Live")
    box = page.locator(f'[name="pick"][value="{told.run}"]')
    box.check()
    page.get_by_text("1 selected").wait_for()
    page.get_by_text("Columns").click()
    told.ledger.runs.cancel(told.waiting, by="ivo")
    page.locator(f'[data-part="+{work_order(told, told.waiting)}"]').get_by_text("Cancelled").wait_for()
    assert box.is_checked()
    assert page.get_by_text("1 selected").is_visible()
    assert page.get_by_role("button", name="Show").is_visible()


def test_while_updates_are_paused_nothing_changes(opened: Open, told: Story) -> None:
    page = opened("/history")
    shown(page, "Live")
    page.get_by_role("button", name="Pause updates").click()
    told.ledger.runs.cancel(told.waiting, by="ivo")
    told.ledger.runs.start("order-approval", order(30_001), by="webhook", wait=False)
    follower = opened("/history")  # another page has heard of it by the time that it shows it
    follower.locator("tr.l0").first.get_by_text("waits for a worker").wait_for()
    row = page.locator(f'[data-part="+{work_order(told, told.waiting)}"]')
    assert "Paused" in row.inner_text()
    page.get_by_role("button", name="Pause updates").click()
    row.get_by_text("Cancelled").wait_for()


def test_a_runs_page_goes_on_while_one_is_at_its_head(opened: Open, told: Story) -> None:
    page = opened(f"/runs/{told.waiting}?step=score-risk")
    shown(page, "Live")
    head = page.locator(".scrub output").inner_text()
    page.locator(".state summary", has_text="metadata").click()  # it closes
    told.ledger.runs.hold(told.waiting, by="ivo", reason="count first")
    page.locator('[data-part="status"]').get_by_text("Held").wait_for()
    page.locator(".events tr[aria-selected]").get_by_text("run.held").wait_for()
    assert page.locator(".scrub output").inner_text() == str(int(head) + 1)
    assert not page.locator("[data-new]").is_visible(), "nothing is announced that is there"
    assert page.get_by_role("heading", name="Step score-risk").count() == 1
    assert page.locator(".state details:not([open]) > summary", has_text="metadata").is_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.locator(".events tr[aria-selected]").get_by_text("run.paused").wait_for()
    assert f"version={head}" in page.url


def test_a_runs_page_stays_at_its_version_and_announces_what_is_new(opened: Open, told: Story) -> None:
    page = opened(f"/runs/{told.waiting}")
    shown(page, "Live")
    page.keyboard.press("ArrowLeft")
    at = page.locator(".scrub output").inner_text()
    told.ledger.runs.hold(told.waiting, by="ivo", reason="count first")
    page.locator('[data-part="status"]').get_by_text("Held").wait_for()
    page.get_by_role("link", name="1 new since", exact=False).wait_for()
    assert page.locator(".scrub output").inner_text() == at
    assert page.locator(".events").get_by_text("run.held").count() == 0
    page.keyboard.press("ArrowRight")  # to what was the head
    page.locator(".events tr[aria-selected]").get_by_text("run.held").wait_for()
    assert not page.locator("[data-new]").is_visible()


def test_a_run_is_followed_from_its_first_event_to_its_end(opened: Open, told: Story) -> None:
    run = told.ledger.runs.start("order-approval", order(30_002, total=10.0), by="webhook", wait=False)
    page = opened(f"/runs/{run.id}")
    shown(page, "Live")
    told.ledger.runs.proceed(run.id)
    page.locator('[data-part="status"]').get_by_text("Completed").wait_for()
    page.locator(".live").get_by_text("Ended").wait_for()
    head = told.ledger.runs.get(run.id).version
    assert page.locator(".events tbody tr").count() == head
    assert page.locator(".scrub output").inner_text() == str(head)
    used = page.eval_on_selector_all("use", "all => all.map((use) => use.getAttribute('href').slice(1))")
    known = page.eval_on_selector_all("symbol", "all => all.map((symbol) => symbol.id)")
    assert set(used) <= set(known), "each drawing came with what uses it"
    page.keyboard.press("ArrowLeft")
    assert page.locator(".scrub output").inner_text() == str(head - 1)


def test_a_bulk_actions_page_counts_while_it_is_worked_on(opened: Open, told: Story) -> None:
    for thread in threading.enumerate():
        if thread.name == "flowledger-bulk":  # the server's, which looks for open ones when it begins
            thread.join(60)
    action = told.ledger.bulk.request("cancel", [told.waiting, told.due], by="ivo")
    page = opened(f"/bulk/{action.id}")
    page.get_by_text("0 of 2", exact=True).wait_for()
    told.ledger.bulk.run(action.id)
    page.get_by_text("2 of 2", exact=True).wait_for()
    page.locator(".badge").get_by_text("Finished").wait_for()


def test_seven_tabs_follow_sixty_runs_by_one_stream_and_none_waits_for_another(
    opened: Open, site: Site, told: Story
) -> None:
    tabs = [opened("/history?limit=100")]
    tabs += [tabs[0].context.new_page() for _ in range(6)]
    asked = collect_streams(tabs)
    for tab in tabs[1:]:
        tab.goto("/history?limit=100")
    for tab in tabs:
        shown(tab, "Live")
    live = [told.ledger.runs.start("order-approval", order(31_000 + n), by="webhook", wait=False) for n in range(60)]
    for tab in tabs:  # one after the other, as somebody comes back to them
        tab.bring_to_front()
        tab.get_by_role("link", name="60 new since", exact=False).click()
        tab.locator(f'[data-part="+{live[-1].work_order_id}"]').wait_for()
    for run in live:
        told.ledger.runs.cancel(run.id, by="ivo")
    for tab in tabs:
        tab.bring_to_front()
        tab.get_by_role("link", name="Cancelled 60").wait_for()
        for run in live:
            tab.locator(f'[data-part="+{run.work_order_id}"]').get_by_text("Cancelled").wait_for()
    held = tabs[0].evaluate("navigator.locks.query().then(({ held, pending }) => [held.length, pending.length])")
    assert held == [1, 6]
    assert asked == [], "the first tab has the stream"


def collect_streams(tabs: list[Any]) -> list[str]:
    """What the tabs behind the first ask of the stream, from now on."""
    asked: list[str] = []
    for tab in tabs[1:]:
        tab.on("request", lambda request: "/api/stream" in request.url and asked.append(request.url))
    return asked


def test_without_scripts_nothing_is_said_of_it(opened: Open) -> None:
    page = opened("/history", java_script_enabled=False)
    assert not page.get_by_text("Pause updates").is_visible()
    assert not page.locator("[data-new]").is_visible()
