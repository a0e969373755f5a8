"""Answering a question in a real browser: by keys, with a double click, and when somebody else was faster."""

import re
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from .sites import Site, site_of

pytestmark = pytest.mark.exhaustive


site = site_of("function", alike=0)


def test_a_double_click_is_one_answer(opened: Callable[..., Any], site: Site) -> None:
    wait = site.story.ledger.runs.get(site.story.waiting).waits[0]
    page = opened(f"/waits?wait={wait.id}", java_script_enabled=False)
    page.get_by_label("Yes").check()
    page.get_by_label("Shipping").select_option("express")
    page.get_by_role("button", name="Answer as dana").dblclick()
    # Whichever of both is answered last: the run may have ended by then, or be on its way there by the first.
    page.get_by_text(re.compile(rf"Answered\. Run {site.story.waiting} (has completed|is at [a-z-]+) now\.")).wait_for()
    end = monotonic() + 60
    while site.story.ledger.runs.get(site.story.waiting).status != "completed":
        assert monotonic() < end, "the run goes on by the answer"
    events = [event.type for event in site.story.ledger.history.events(site.story.waiting)]
    assert events.count("run.resumed") == 1


def test_of_two_people_the_later_one_is_told_and_keeps_what_was_typed(opened: Callable[..., Any], site: Site) -> None:
    wait = site.story.ledger.runs.get(site.story.waiting).waits[0]
    first, second = (opened(f"/waits?wait={wait.id}") for _ in range(2))
    for page, choice in ((first, "express"), (second, "bulk")):
        page.get_by_label("Yes").check()
        page.get_by_label("Shipping").select_option(choice)
    first.get_by_role("button", name="Answer as dana").click()
    first.get_by_text("has completed now.").wait_for()
    with second.expect_response(lambda answer: answer.request.method == "POST") as answered:
        second.get_by_label("Note").focus()
        second.keyboard.press("Control+Enter")
    assert answered.value.status == 409
    assert "dana answered this at" in second.get_by_role("alert").inner_text()
    assert '"shipping": "bulk"' in second.get_by_role("group", name="Your answer, not recorded").inner_text()
