"""Each page in a real browser: accessible in both themes, from a phone to a large screen, by keys, without scripts."""

from collections.abc import Callable
from typing import Any

import pytest

from .shown import SHOWN, address_of
from .sites import Site

pytestmark = pytest.mark.exhaustive

Open = Callable[..., Any]


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_can_be_used_by_everybody_in_both_themes_on_any_screen(opened: Open, site: Site, name: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python isn't installed")
    shown = opened(address_of(name, site))
    if name.startswith("edit"):
        shown.locator(".cm-line").first.wait_for()  # what scripts make of the boxes
    for width in (320, 390, 768, 1024, 1440, 2560):
        shown.set_viewport_size({"width": width, "height": 800})
        assert shown.evaluate("document.documentElement.scrollWidth") <= width, f"scrolls sideways at {width} px"
    for width, theme in ((1440, "light"), (390, "dark")):
        shown.set_viewport_size({"width": width, "height": 800})
        shown.emulate_media(color_scheme=theme)
        found = axe.Axe().run(shown)
        assert found.response["violations"] == []


def test_work_orders_open_without_scripts(opened: Open, site: Site) -> None:
    page = opened("/history", java_script_enabled=False)
    order = site.story.ledger.runs.get(site.story.run).work_order_id[-6:]
    page.get_by_role("link", name=f"Runs of work order {order}").click()
    page.get_by_text("StockTimeout twice, then → score-risk").wait_for()
    assert page.get_by_role("link", name=f"Runs of work order {order}").get_attribute("aria-expanded") == "true"


def test_filters_are_set_and_taken_away_without_scripts(opened: Open) -> None:
    page = opened("/history", java_script_enabled=False)
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Error type").fill("KeyError")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("6 runs with KeyError; the newest first.").wait_for()
    page.get_by_role("link", name="Take away the filter error").click()
    page.get_by_role("link", name="All 13").wait_for()


def test_times_are_in_the_readers_zone(opened: Open) -> None:
    page = opened("/history", zone=None)
    page.get_by_text("Times in Europe/Berlin").wait_for()  # once the page has told the server the zone
    assert page.locator("tr.l0 .c-when time").first.text_content() == "14:20:07"  # its last activity


def test_rows_are_selected_by_keys_and_lead_to_a_preview(opened: Open, site: Site) -> None:
    page = opened("/history?status=failed")
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    page.get_by_text("2 selected").wait_for()
    page.get_by_role("button", name="Preview retry of 2…").click()
    page.wait_for_url("**/bulk/new?**")
    page.get_by_role("heading", level=1, name="Retry").wait_for()


def test_rows_are_walked_and_opened_by_keys(opened: Open, site: Site) -> None:
    page = opened("/history")
    for key in ("j", "j", "k"):
        page.keyboard.press(key)
    focused = page.evaluate("document.activeElement.closest('tr') === document.querySelector('table.hist tbody tr')")
    assert focused
    page.keyboard.press("Enter")
    page.wait_for_url("**open=**")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "text"


def test_keys_are_shown_and_closed_by_keys(opened: Open) -> None:
    page = opened("/history")
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Keys").wait_for(state="hidden")


def test_the_first_stop_of_the_tab_key_leads_past_the_bar(opened: Open) -> None:
    page = opened("/waits")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
