"""Each page says to those who don't see it what it said when somebody last read its outline."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from ..named_ids import with_ids
from .conftest import PATIENCE, Site, playwright
from .outlines import FOLDER, PAGES, address_of, reader

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def window(chromium: Any, site: Site) -> Iterator[Any]:
    with closing(reader(chromium, site.base)) as opened:
        yield opened


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_the_outline_that_was_read(name: str, window: Any, site: Site) -> None:
    page = window.new_page()
    page.goto(address_of(name, site.story), wait_until="load")
    outline = with_ids(site.story, (FOLDER / f"{name}.yml").read_text("utf-8"))
    playwright.expect(page.locator("main")).to_match_aria_snapshot(outline, timeout=PATIENCE)


def test_a_page_with_another_outline_is_told(window: Any, site: Site) -> None:
    page = window.new_page()
    page.goto(address_of("failures", site.story), wait_until="load")
    outline = with_ids(site.story, (FOLDER / "failures.yml").read_text("utf-8")).replace("KeyError", "ValueError")
    with pytest.raises(AssertionError):
        playwright.expect(page.locator("main")).to_match_aria_snapshot(outline, timeout=1)
