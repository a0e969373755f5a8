"""A phone: what one came for is on the screen, and its text is read in lines."""

from collections.abc import Callable
from typing import Any

import pytest

from .shown import address_of
from .sites import Site

pytestmark = pytest.mark.exhaustive

WIDTH = 390


@pytest.mark.parametrize("name", ["canvas", "canvas-latest", "edit-step"])
def test_a_canvas_shows_the_step_that_is_selected(opened: Callable[..., Any], site: Site, name: str) -> None:
    page = opened(address_of(name, site), width=WIDTH)
    left, right = page.locator(".graph [aria-current]").evaluate(
        "(el) => { const box = el.getBoundingClientRect(); return [box.left, box.right]; }"
    )
    assert 0 <= left < right <= WIDTH
    assert page.evaluate("scrollX") == 0


def test_what_a_step_of_a_work_order_did_has_the_width_of_the_list(opened: Callable[..., Any], site: Site) -> None:
    page = opened(address_of("history-open", site), width=WIDTH)
    widths = page.locator(".l2 .c-where").evaluate_all("(all) => all.map((el) => el.getBoundingClientRect().width)")
    assert len(widths) > 5
    assert min(widths) > WIDTH / 2


LISTS = ("steps", "workflows", "drafts", "compare-choice", "bulk-list", "bulk", "tokens", "saved-filters", "retention")
LISTS_OF_ACTS = ("retention-apply", "failures")


@pytest.mark.parametrize("name", LISTS + LISTS_OF_ACTS)
def test_the_rows_of_a_list_are_cards_and_each_value_says_what_it_is(
    opened: Callable[..., Any], site: Site, name: str
) -> None:
    page = opened(address_of(name, site), width=WIDTH)
    wider = page.locator(".scroll").evaluate_all("(all) => all.filter((el) => el.scrollWidth > el.clientWidth).length")
    assert wider == 0
    values = page.locator(":is(.list, .items) > tbody > tr > td[data-label]")
    said = values.evaluate_all("(all) => all.map((el) => getComputedStyle(el, '::before').content)")
    assert (name == "failures") or (said and all(len(each) > 2 for each in said))
