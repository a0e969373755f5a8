"""A workflow is edited in a real browser: with the editor that scripts bring, by keys, and without scripts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ..story import WORKFLOW, story
from .conftest import Site, served

pytestmark = pytest.mark.exhaustive

Open = Callable[..., Any]
EDIT = f"/workflows/{WORKFLOW}/edit?step=ship"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A story of its own, as tests change it, seen by an editor."""
    with story(alike=0) as told, served(told.ledger, "editor") as base:
        yield Site(base, told)


def shown(page: Any, heading: str) -> None:
    """Wait for a page with this heading, and for its scripts: keys do nothing before."""
    page.get_by_role("heading", name=heading, exact=True).wait_for()
    page.wait_for_load_state("load")


def retries(site: Site) -> Any:
    nodes = site.story.ledger.workflows.get(WORKFLOW).definition.nodes
    return next(node.retry for node in nodes if node.id == "ship")


def test_boxes_become_editors_and_what_is_typed_in_them_is_kept_and_saved_by_a_key(opened: Open, site: Site) -> None:
    page = opened(EDIT)
    data = page.get_by_role("textbox", name="Data data")
    data.locator(".cm-line").first.wait_for()
    data.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text('{"order": "from the editor"}')
    page.get_by_role("button", name="review, ask-person").click()
    shown(page, "review")
    page.get_by_text("unsaved change").wait_for()
    page.get_by_label("What changed and why").fill("by keys")
    page.keyboard.press("Control+s")
    page.get_by_text("Saved as version 10, live.").wait_for()
    saved = site.story.ledger.workflows.get(WORKFLOW)
    assert (saved.message, saved.by) == ("by keys", "dana")
    assert {node.id: node.data for node in saved.definition.nodes}["ship"] == {"order": "from the editor"}


def test_keys_typed_in_an_editor_are_text(opened: Open) -> None:
    page = opened(EDIT)
    page.get_by_role("textbox", name="Data data").click()
    page.keyboard.type("?a/")
    assert page.evaluate("document.activeElement.shadowRoot?.activeElement.className").startswith("cm-content")
    assert not page.locator("dialog[open]").count()
    assert "?a/" in page.locator('textarea[name="step.data"]').input_value()


def test_a_step_is_edited_and_two_saves_are_merged_without_scripts(opened: Open, site: Site) -> None:
    page, other = (opened(EDIT, java_script_enabled=False) for _ in range(2))
    for each, interval in ((page, "5"), (other, "7")):
        each.get_by_label("First after").fill(interval)
    other.get_by_label("One attempt may take").fill("60")
    page.get_by_label("Retries").fill("2")
    other.get_by_label("Retries").fill("2")
    for each in (page, other):
        each.get_by_role("button", name="Save as version").click()
    other.get_by_role("heading", name="was saved meanwhile").wait_for()
    other.locator('input[type="radio"][value="mine"]').check()
    other.get_by_role("button", name="Save the merge as version").click()
    other.get_by_role("link", name="latest", exact=True).first.wait_for()
    assert retries(site) == {"maxRetries": 2, "interval": 7}


def test_the_latest_version_is_opened_from_an_old_one_edited_by_a_key_and_closed_by_escape(opened: Open) -> None:
    page = opened(f"/workflows/{WORKFLOW}/versions/7?step=ship")
    page.keyboard.press("e")  # does nothing on an old snapshot
    page.get_by_role("link", name="Switch to latest version").first.click()
    page.get_by_role("link", name="Edit this step").wait_for()
    page.wait_for_load_state("load")
    page.keyboard.press("e")
    shown(page, "Edit")
    page.keyboard.press("Escape")
    shown(page, "The workflow")


@pytest.mark.parametrize("address", [EDIT, f"/workflows/{WORKFLOW}/edit"])
def test_the_page_can_be_used_by_everybody_in_both_themes_on_any_screen(opened: Open, address: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python isn't installed")
    shown = opened(address)
    shown.locator(".cm-line").first.wait_for()
    for width in (320, 390, 1024, 2560):
        shown.set_viewport_size({"width": width, "height": 800})
        assert shown.evaluate("document.documentElement.scrollWidth") <= width, f"scrolls sideways at {width} px"
    for width, theme in ((1440, "light"), (390, "dark")):
        shown.set_viewport_size({"width": width, "height": 800})
        shown.emulate_media(color_scheme=theme)
        found = axe.Axe().run(shown)
        assert found.violations_count == 0, found.generate_report()
