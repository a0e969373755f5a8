"""A step is edited, and a question answered, by somebody who has no mouse: Tab, Space, Enter and letters alone."""

from collections.abc import Callable
from typing import Any

import pytest

from ..story import WORKFLOW
from .sites import Site, site_of

pytestmark = pytest.mark.exhaustive

MOST_STEPS = 200
NAME = """() => {
  let el = document.activeElement;
  while (el.shadowRoot?.activeElement) el = el.shadowRoot.activeElement;
  const words = el.getAttribute('aria-labelledby')?.split(' ').map((id) => el.getRootNode().getElementById(id)?.textContent ?? '').join(' ');
  return (el.ariaLabel || words || el.labels?.[0]?.textContent || el.textContent).replace(/\\s+/g, ' ').trim();
}"""  # noqa: E501
SEEN = """() => {
  let el = document.activeElement;
  while (el.shadowRoot?.activeElement) el = el.shadowRoot.activeElement;
  const { top, bottom, left, right } = el.getBoundingClientRect();
  return bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
}"""


site = site_of("function", role="editor", alike=0)


def tab_to(page: Any, name: str) -> None:
    """Press Tab until what has the focus is called so; it is on the screen then."""
    passed: list[str] = []
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        passed.append(page.evaluate(NAME))
        if passed[-1].startswith(name):
            assert page.evaluate(SEEN), f"{name} has the focus where nobody sees it"
            return
    raise AssertionError(f"Tab never comes to {name!r}, but to {passed}")


def enter(page: Any, key: str = "Enter") -> None:
    """Press what leads to another page, and wait for its scripts."""
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press(key)


def test_a_step_is_chosen_edited_in_its_editor_and_saved(opened: Callable[..., Any], site: Site) -> None:
    page = opened("/workflows")
    tab_to(page, "order-approval")
    enter(page)
    enter(page, "e")
    tab_to(page, "ship, book-carrier")
    enter(page)
    tab_to(page, "Data data")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text('{"order": "by keys"}')
    tab_to(page, "Retries")
    page.keyboard.type("3")
    tab_to(page, "Then")
    page.keyboard.type("grow")
    tab_to(page, "What changed")
    page.keyboard.type("no mouse")
    enter(page, "Control+s")
    saved = site.story.ledger.workflows.get(WORKFLOW)
    (ship,) = [node for node in saved.definition.nodes if node.id == "ship"]
    assert (saved.message, ship.data) == ("no mouse", {"order": "by keys"})
    assert ship.retry == {"maxRetries": 3, "backoff": "exponential"}


def test_a_question_is_found_and_answered(opened: Callable[..., Any], site: Site) -> None:
    page = opened("/history")
    tab_to(page, "Waits")
    enter(page)
    asked = page.locator("[data-rows] a").filter(has_not_text="held").inner_text().split("\n")[0]
    for _ in range(MOST_STEPS):
        page.keyboard.press("j")
        if "held" not in (name := page.evaluate(NAME)) and asked in name:
            break
    enter(page)
    tab_to(page, "Yes")
    page.keyboard.press("Space")
    tab_to(page, "Shipping")
    page.keyboard.type("bulk")
    tab_to(page, "Note")
    page.keyboard.type("by keys")
    tab_to(page, "Answer as dana")
    enter(page)
    told = site.story
    answer = next(event for event in told.ledger.history.events(told.waiting) if event.type == "run.resumed")
    assert answer.data["payload"] == {"approved": True, "shipping": "bulk", "note": "by keys"}
