"""Acts in a real browser: by keys, with a double click, without scripts, and on any screen."""

from collections.abc import Callable
from typing import Any

import pytest

from ..story import WORKFLOW
from .sites import Site, site_of

pytestmark = pytest.mark.exhaustive

Open = Callable[..., Any]


site = site_of("function", alike=1)


def test_a_failed_run_is_retried_by_keys(opened: Open, site: Site) -> None:
    page = opened(f"/runs/{site.story.run}")
    page.keyboard.press("r")
    page.wait_for_url("**/retry?from=ship")
    page.get_by_label("by this server").focus()
    page.keyboard.press("Control+Enter")
    page.get_by_text("was started from ship, on version 9; it has completed.").wait_for()
    assert site.story.ledger.history.runs()[0].source == site.story.run


def test_a_double_click_is_one_retry_without_scripts(opened: Open, site: Site) -> None:
    page = opened(f"/runs/{site.story.run}/retry?from=ship", java_script_enabled=False)
    page.get_by_role("button", name="Retry from ship on version 9").dblclick()
    page.get_by_text("was started from ship, on version 9").wait_for()  # the second click may be answered while it runs
    found = site.story.ledger.history.runs(workflow_id=WORKFLOW)
    (retry,) = [row.id for row in found if row.source == site.story.run]
    assert site.story.ledger.runs.wait_for(retry, timeout=60).status == "completed"


def test_a_run_that_somebody_else_held_meanwhile_is_not_cancelled(opened: Open, site: Site) -> None:
    page = opened(f"/runs/{site.story.waiting}/cancel", java_script_enabled=False)
    page.get_by_label("Why").fill("the customer left")
    site.story.ledger.runs.hold(site.story.waiting, by="ivo")
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        page.get_by_role("button", name="Cancel it").click()
    assert answered.value.status == 412
    assert "run.held by ivo" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Why").input_value() == "the customer left"
    page.get_by_role("button", name="Cancel it").click()
    page.get_by_text("is cancelled.").wait_for()


FOCUSED = """() => {
  const el = document.activeElement;
  const words = el.ariaLabel ?? el.labels?.[0]?.firstChild.textContent ?? el.textContent;
  return words.trim();
}"""


def tab_to(page: Any, words: str) -> None:
    """Press the tab key until what has these words is focused."""
    passed = []
    for _ in range(200):
        page.keyboard.press("Tab")
        passed.append(page.evaluate(FOCUSED))
        if passed[-1] == words:
            return
    raise AssertionError(f"{words!r} isn't reached by tab: {passed}")


def test_a_run_is_held_released_and_cancelled_by_the_keyboard_alone(opened: Open, site: Site) -> None:
    run = site.story.waiting
    page = opened(f"/runs/{run}")
    for button, heading, field, done in (
        ("Hold…", "Hold run", "Why", "Hold it"),
        ("Release…", "Release run", "Note, which no node sees", "Release it"),
        ("Cancel…", "Cancel run", "Why", "Cancel it"),
    ):
        tab_to(page, button)
        page.keyboard.press("Enter")
        page.get_by_role("heading", level=1, name=heading).wait_for()
        tab_to(page, field)
        page.keyboard.type(f"by keys: {button}")
        tab_to(page, done)
        page.keyboard.press("Enter")
        page.locator(".toast").wait_for()
    events = list(site.story.ledger.history.events(run))[-3:]
    assert [(event.type, event.by) for event in events] == [
        ("run.held", "dana"),
        ("run.released", "dana"),
        ("run.cancelled", "dana"),
    ]
    assert [event.data.get("reason") or event.data.get("note") for event in events] == [
        "by keys: Hold…",
        "by keys: Release…",
        "by keys: Cancel…",
    ]


def test_a_run_is_started_by_the_keyboard_alone(opened: Open, site: Site) -> None:
    before = site.story.ledger.history.counts("status")
    page = opened(f"/workflows/{WORKFLOW}")
    tab_to(page, "Run…")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Run").wait_for()
    tab_to(page, "Run version 9")
    page.keyboard.press("Enter")
    page.locator(".toast").wait_for()
    after = site.story.ledger.history.counts("status")
    assert sum(count.count for count in after) == sum(count.count for count in before) + 1
