"""The version slider: at each version a script shows what the server would have drawn."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flowledger as fl
from flowledger.testing import memory_ledger

from .sites import Site, served
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


@pytest.fixture(scope="module")
def long() -> Iterator[Any]:
    """Where a run of more events is served than a page carries all states of: its address and head."""
    executors = fl.ExecutorRegistry()
    executors.register("round")(
        lambda step: fl.StepResult({"n": step.runs}, handle="again" if step.runs < 600 else "end")
    )
    nodes = [{"id": "round", "type": "round"}, {"id": "end", "type": "round"}]
    edges = [
        {"source": "round", "target": "round", "sourceHandle": "again"},
        {"source": "round", "target": "end", "sourceHandle": "end"},
    ]
    with memory_ledger(executors) as ledger:
        ledger.workflows.save({"start": "round", "nodes": nodes, "edges": edges}, workflow_id="rounds", by="ada")
        run = ledger.runs.start("rounds", by="ada")
        with served(ledger) as base:
            yield base, f"/runs/{run.id}", run.version


DRAWN = """() => ['@graph', '@step', '@state', '@steps', '@events'].map((name) => {
  const attributes = (el) => [...el.attributes].map(({ name, value }) => `${name}=${value}`).filter((said) => said !== 'class=').sort();
  const part = document.querySelector(`[data-part="${name}"]`);
  return [part.textContent, [part, ...part.querySelectorAll('*')].map((el) => [el.tagName, ...attributes(el)].join(' '))];
})"""  # noqa: E501


def test_of_a_long_run_the_slider_shows_what_the_server_draws(long: Any, chromium: Any, complaints: list[str]) -> None:
    base, address, head = long
    scripted, drawn = (open_window(chromium, base, java_script_enabled=scripts) for scripts in (True, False))
    page, plain = scripted.new_page(), drawn.new_page()
    listen(page, complaints)
    page.goto(address)
    for version in (300, 310, 40, 2, 599):
        page.evaluate(MOVE, version)
        page.wait_for_url(f"**{address}?version={version}")
        plain.goto(f"{address}?version={version}")
        assert page.evaluate(DRAWN) == plain.evaluate(DRAWN), f"at version {version}"
    page.locator(".state summary", has_text="context").click()  # which closes it
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**version=598")
    assert page.locator(".state details:not([open]) > summary", has_text="context").is_visible()
    assert "context" in page.evaluate("document.activeElement.textContent"), "where the focus was"
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_url(f"**{address}")
    assert page.locator(".scrub output").inner_text() == str(head)
    value = "/context/round/590/output/n"
    page.goto(f"{address}?value={value}&version=598")
    page.evaluate("window.stays = true")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**value=*version=597")
    page.locator(".blame").get_by_text("v592").wait_for()
    page.evaluate(MOVE, 40)
    page.wait_for_url(f"**{address}?version=40")
    page.evaluate(MOVE, 600)
    page.wait_for_url("**value=*version=600")
    assert page.locator(".blame").is_visible()
    assert page.evaluate("window.stays"), "no page was loaded"
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
