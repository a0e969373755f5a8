"""A workflow is edited in a real browser: with the editor that scripts bring, by keys, and without scripts."""

from collections.abc import Callable
from typing import Any

import pytest

from ..story import WORKFLOW
from .sites import Site, site_of

pytestmark = pytest.mark.exhaustive

Open = Callable[..., Any]
EDIT = f"/workflows/{WORKFLOW}/edit?step=ship"


site = site_of("function", role="editor", alike=0)


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


def test_of_two_people_in_editors_the_later_one_sees_who_changed_what_and_merges_it(opened: Open, site: Site) -> None:
    mika, noor = (opened(EDIT, reader=reader) for reader in ("mika", "noor"))
    before = site.story.ledger.workflows.get(WORKFLOW).version
    for page, data, timeout in ((mika, '{"by": "mika"}', "30"), (noor, '{"by": "noor"}', "")):
        typed = page.get_by_role("textbox", name="Data data")
        typed.locator(".cm-line").first.wait_for()
        typed.click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(data)
        page.get_by_label("One attempt may take").fill(timeout)
    noor.get_by_label("Retries").fill("4")
    mika.get_by_label("What changed and why").fill("give up early")
    mika.keyboard.press("Control+s")
    mika.get_by_text(f"Saved as version {before + 1}, live.").wait_for()
    noor.get_by_label("What changed and why").fill("try again")
    with noor.expect_response(lambda answer: answer.request.method == "POST") as answered:
        noor.keyboard.press("Control+s")
    assert answered.value.status == 409
    said = noor.get_by_role("alert").inner_text()
    assert f"mika saved version {before + 1} at" in said
    assert "“give up early”" in said
    rows = noor.locator("table.merge tbody tr").all()
    shown = {" ".join(row.locator("th").inner_text().split()): row for row in rows}
    both = shown["ship data.by both changed it"]
    cells = [cell.inner_text() for cell in both.locator("td").all()]
    assert ["mika" in cells[1], "noor" in cells[2]] == [True, True], cells
    assert site.story.ledger.workflows.get(WORKFLOW).by == "mika", "nothing is stored yet"
    both.locator('input[type="radio"][value="mine"]').check()
    noor.get_by_role("button", name=f"Save the merge as version {before + 2}").click()
    noor.get_by_text(f"Saved as version {before + 2}, live.").wait_for()
    saved = site.story.ledger.workflows.get(WORKFLOW)
    (ship,) = [node for node in saved.definition.nodes if node.id == "ship"]
    assert (saved.by, saved.message) == ("noor", "try again")
    assert (ship.data, ship.timeout, ship.retry["maxRetries"]) == ({"by": "noor"}, 30, 4)
