"""Pages that follow the store: what changed changes in place, what is new is announced, nobody loses a place."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ..story import Story, order, story
from .conftest import PATIENCE, Site, served

pytestmark = pytest.mark.exhaustive

Open = Callable[..., Any]


@pytest.fixture
def site() -> Iterator[Site]:
    """A story of its own for each test, as each adds to it."""
    with story() as told, served(told.ledger) as base:
        yield Site(base, told)


@pytest.fixture
def told(site: Site) -> Story:
    return site.story


def shown(page: Any, words: str) -> None:
    page.get_by_text(words, exact=False).first.wait_for(timeout=PATIENCE)


def work_order(told: Story, run_id: str) -> str:
    return str(told.ledger.runs.get(run_id).work_order_id)


def test_a_run_that_moves_on_changes_its_row_and_a_new_one_is_announced(opened: Open, told: Story) -> None:
    page = opened("/history")
    shown(page, "Live")
    rows = page.locator("tr.l0").count()
    row = page.locator(f'[data-part="+{work_order(told, told.waiting)}"]')
    assert "Paused" in row.inner_text()
    told.ledger.runs.cancel(told.waiting, by="ivo")
    row.get_by_text("Cancelled").wait_for(timeout=PATIENCE)
    new = told.ledger.runs.start("order-approval", order(30_001), by="webhook", wait=False)
    link = page.get_by_role("link", name="1 new since", exact=False)
    link.wait_for(timeout=PATIENCE)
    assert page.locator("tr.l0").count() == rows, "nothing is inserted"
    page.keyboard.press(".")
    page.locator(f'[data-part="+{new.work_order_id}"]').wait_for(timeout=PATIENCE)
    assert page.locator("tr.l0").count() == rows + 1
    assert page.evaluate("document.activeElement.closest('[data-part]').dataset.part") == f"+{new.work_order_id}"


def test_what_was_picked_and_opened_stays_so(opened: Open, told: Story) -> None:
    page = opened("/history")
    shown(page, "Live")
    box = page.locator(f'[name="pick"][value="{told.run}"]')
    box.check()
    page.get_by_text("1 selected").wait_for()
    page.get_by_text("Columns").click()
    told.ledger.runs.cancel(told.waiting, by="ivo")
    page.locator(f'[data-part="+{work_order(told, told.waiting)}"]').get_by_text("Cancelled").wait_for(timeout=PATIENCE)
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
    follower.locator("tr.l0").first.get_by_text("waits for a worker").wait_for(timeout=PATIENCE)
    row = page.locator(f'[data-part="+{work_order(told, told.waiting)}"]')
    assert "Paused" in row.inner_text()
    page.get_by_role("button", name="Pause updates").click()
    row.get_by_text("Cancelled").wait_for(timeout=PATIENCE)


def test_a_runs_page_tells_its_status_and_what_is_new(opened: Open, told: Story) -> None:
    page = opened(f"/runs/{told.waiting}")
    shown(page, "Live")
    told.ledger.runs.hold(told.waiting, by="ivo", reason="count first")
    page.locator('[data-part="status"]').get_by_text("Held").wait_for(timeout=PATIENCE)
    page.locator("[data-new] a").click()
    page.get_by_text("run.held").first.wait_for(timeout=PATIENCE)


def test_a_bulk_actions_page_counts_while_it_is_worked_on(opened: Open, told: Story) -> None:
    action = told.ledger.bulk.request("cancel", [told.waiting, told.due], by="ivo")
    page = opened(f"/bulk/{action.id}")
    page.get_by_text("0 of 2", exact=True).wait_for()
    told.ledger.bulk.run(action.id)
    page.get_by_text("2 of 2", exact=True).wait_for(timeout=PATIENCE)
    page.locator(".badge").get_by_text("Finished").wait_for(timeout=PATIENCE)


def test_seven_tabs_share_one_stream_and_all_follow(opened: Open, site: Site, told: Story) -> None:
    first = opened("/history")
    shown(first, "Live")
    tabs = [first]
    for _ in range(6):
        tab = first.context.new_page()
        tab.goto(f"{site.base}/history")
        shown(tab, "Live")
        tabs.append(tab)
    told.ledger.runs.cancel(told.waiting, by="ivo")
    for tab in tabs:
        tab.bring_to_front()
        row = tab.locator(f'[data-part="+{work_order(told, told.waiting)}"]')
        row.get_by_text("Cancelled").wait_for(timeout=PATIENCE)
    held = first.evaluate("navigator.locks.query().then(({ held, pending }) => [held.length, pending.length])")
    assert held == [1, 6]


def test_without_scripts_nothing_is_said_of_it(opened: Open) -> None:
    page = opened("/history", java_script_enabled=False)
    assert not page.get_by_text("Pause updates").is_visible()
    assert not page.locator("[data-new]").is_visible()
