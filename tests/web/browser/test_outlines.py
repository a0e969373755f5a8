"""Each page says to those who don't see it what it said when somebody last read its outline, and nothing else."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from flowledger.infrastructure.interfaces.web.pages.registry import PAGES

from ..named_ids import with_ids
from .outlines import FOLDER
from .shown import SHOWN, address_of
from .sites import Site
from .windows import PATIENCE, open_window, playwright

WHOLE = "- /children: deep-equal\n"
"""Nothing is on the page beside what the outline says."""


@pytest.fixture(scope="module")
def page(chromium: Any, site: Site) -> Iterator[Any]:
    """One for all: what is asked for is what shows."""
    with closing(open_window(chromium, site.base)) as window:
        yield window.new_page()


A_NUMBER = re.compile(r"(?<=: )[0-9]+(?:e[0-9]+)?$", re.MULTILINE)
"""Digits alone, as the end of an id may be: YAML reads a number there, and an outline is made of texts."""


def expected(name: str, site: Site) -> str:
    return WHOLE + A_NUMBER.sub(r'"\g<0>"', with_ids(site.story, (FOLDER / f"{name}.yml").read_text("utf-8")))


@pytest.mark.parametrize("end", ["358296", "12e456", "000001"])
def test_an_id_that_ends_in_digits_alone_stays_a_text(end: str) -> None:
    assert A_NUMBER.sub(r'"\g<0>"', f"- text: {end}\n- listitem: /{end}\n") == f'- text: "{end}"\n- listitem: /{end}\n'


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SHOWN)
def test_a_page_has_the_outline_that_was_read(name: str, page: Any, site: Site) -> None:
    page.goto(address_of(name, site), wait_until="load")
    playwright.expect(page.locator("main")).to_match_aria_snapshot(expected(name, site), timeout=PATIENCE)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("said", "instead"),
    [("KeyError", "ValueError"), ('- heading "Failures" [level=1]', '- heading "Failures" [level=2]')],
)
def test_a_page_with_another_outline_is_told(said: str, instead: str, page: Any, site: Site) -> None:
    outline = expected("failures", site)
    assert said in outline
    page.goto(address_of("failures", site), wait_until="load")
    with pytest.raises(AssertionError):
        playwright.expect(page.locator("main")).to_match_aria_snapshot(outline.replace(said, instead), timeout=1)


@pytest.mark.exhaustive
def test_what_came_to_a_page_is_told(page: Any, site: Site) -> None:
    page.goto(address_of("failures", site), wait_until="load")
    page.evaluate("document.querySelector('main table').insertAdjacentHTML('afterend', '<p>more</p>')")
    with pytest.raises(AssertionError):
        playwright.expect(page.locator("main")).to_match_aria_snapshot(expected("failures", site), timeout=1)


def test_every_page_that_there_is_has_an_outline() -> None:
    addresses = [address.partition("?")[0] for address in SHOWN.values()]
    missing = [
        page.path
        for page in PAGES
        if page.template
        and not page.is_part
        and not any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", page.path), each) for each in addresses)
    ]
    assert missing == []
    assert {file.stem for file in FOLDER.glob("*.yml")} == set(SHOWN)
