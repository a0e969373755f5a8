"""The version slider: at each version a script shows what the server would have drawn."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from .sites import Site
from .windows import listen, open_window

pytestmark = pytest.mark.exhaustive

SHOWN = """() => {
  const marks = (el) => [...el.classList].filter((c) => ['later', 'taken', 'idle', 'off', 'ran'].includes(c) || c.startsWith('st-')).sort().join(' ');
  const text = (el) => (el.matches('a, .j') && !el.closest('.later') ? el.textContent : '');
  return JSON.stringify([
    [...document.querySelectorAll('.state .j, .state details, .state a')].map((el) => marks(el) + text(el)),
    [...document.querySelectorAll('.graph g, .graph a')].map((el) => (el.getAttribute('data-node') ?? el.textContent) + marks(el) + marks(el.firstElementChild.nextElementSibling ?? el)).sort(),
    document.querySelector('.scrub-text').textContent.replace(/\\s+/g, ' '),
  ]);
}"""  # noqa: E501
MOVE = """(version) => {
  const range = document.querySelector('.scrub input');
  range.value = version;
  range.dispatchEvent(new Event('input', { bubbles: true }));
}"""


def test_at_each_version_the_slider_shows_what_the_server_draws(
    site: Site, chromium: Any, complaints: list[str]
) -> None:
    scripted, drawn = (open_window(chromium, site.base, java_script_enabled=scripts) for scripts in (True, False))
    page, plain = scripted.new_page(), drawn.new_page()
    listen(page, complaints)
    address = f"/runs/{site.story.run}?step=ship"
    page.goto(address)
    for version in [*range(22, 0, -1), 7, 22, 9]:
        page.evaluate(MOVE, version)
        plain.goto(f"{address}&version={version}")
        assert json.loads(page.evaluate(SHOWN)) == json.loads(plain.evaluate(SHOWN)), f"at version {version}"
    page.keyboard.press("Shift+ArrowLeft")  # to the change of status before
    assert "version=6" in page.url
    scripted.close()
    drawn.close()


def test_a_key_moves_by_one_step_and_says_where_it_leads(opened: Callable[..., Any], site: Site) -> None:
    page = opened(f"/runs/{site.story.run}?version=6")
    page.keyboard.press("ArrowRight")
    assert page.locator(".scrub output").inner_text() == "7"
    page.locator("[role=status].sr").get_by_text("version 7 of 22, run.step_completed of check-stock").wait_for()
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator(".scrub output").inner_text() == "9"
    for expected in ("intake", "check-stock 1"):
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.textContent").startswith(expected)
