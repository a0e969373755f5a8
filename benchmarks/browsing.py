"""A store with very many runs, and a very long run, used in a real browser: from a click until the page is there.

Needs playwright and Chromium: where they aren't, nothing is measured.
"""

import random
import shutil
import statistics
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import flowledger as fl

from .full_store import run_id_of
from .history import RUNS, RUNS_QUICK, filled
from .report import Row
from .servers import Stores
from .web import LONG, each, store_run
from .web_load import serving

MOST = 1_000.0
"""Milliseconds, from a click until the page is there."""
MOST_OF_A_MOVE = 50.0
"""Milliseconds, from one version of a long run to another."""
MOVES = 30
PATIENCE = 120_000

_LOADED = "(() => { const { startTime, loadEventEnd } = performance.getEntriesByType('navigation')[0]; return loadEventEnd - startTime; })()"  # noqa: E501


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    chromium = shutil.which("chromium")
    if chromium is None or find_spec("playwright") is None:
        print("browsing: neither measured nor judged, as playwright or Chromium isn't here", file=sys.stderr)
        return []
    runs = RUNS_QUICK if quick else RUNS
    with _browsing(chromium) as browser:
        with filled(stores.postgres(), runs) as store:
            rows = use_history(browser, store.url, store.runs, rounds)
        return [*rows, *_scrub(browser, stores.postgres(), LONG)]


@contextmanager
def _browsing(chromium: str) -> Generator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


def use_history(browser: Any, url: str, runs: int, rounds: int) -> list[Row]:
    """Lists, filters, words and one run, as somebody goes through them."""
    some = run_id_of(runs // 2)
    visits = {
        "History": "/history",
        "the failed ones of a workflow": "/history?status=failed&workflow=workflow07",
        "those of a day": "/history?since=2026-01-10&until=2026-01-11",
        "a work order opened in place": f"/history?open={some.replace('-7000-', '-7001-')}",
        "a word that one run has": f"/search?text=parcel{runs // 2:010}",
        "a run": f"/runs/{some}?version=5",
        "the run compared with another": f"/runs/{some}/compare/{run_id_of(runs // 2 + 1)}",
        "Failures": "/failures?since=2026-01-01",
        "Steps": "/steps?node=node3",
        "Audit": "/audit",
        "Workflows": "/workflows",
    }
    with serving(url) as server, _page(browser, server.url) as page:
        took: dict[str, list[float]] = {}
        for _ in range(rounds + 1):
            for name, address in visits.items():
                took.setdefault(name, []).append(_visit(page, address))
            page.goto("/history")
            for _ in range(10):
                with page.expect_navigation(wait_until="load"):
                    page.get_by_role("link", name="Older").click()
                took.setdefault("one page older", []).append(page.evaluate(_LOADED))
    return [_row(f"{name}, of {runs:,} runs", times[1:], MOST) for name, times in took.items()]


_MOVE = """(version) => new Promise((done) => {
  const range = document.querySelector('.scrub [type=range]'), began = performance.now();
  let shown;
  const look = () => {
    const state = document.querySelector('[data-part="@state"] [data-out=n]').textContent === String(version);
    const row = document.querySelector(`.events tr[data-v="${version}"][aria-selected]`);
    document.body.offsetHeight;
    if (state) shown ??= performance.now() - began;
    if (state && row) { looking.disconnect(); done([shown, performance.now() - began]); }
  };
  const looking = new MutationObserver(look);
  looking.observe(document.querySelector('main'), { childList: true, subtree: true, attributes: true });
  range.value = version;
  range.dispatchEvent(new Event('input', { bubbles: true }));
})"""
"""Milliseconds until the version is shown, laid out: its state, graph and step; and until the lists around it are."""


def _scrub(browser: Any, url: str, turns: int) -> list[Row]:
    """A version of a long run that the slider is moved to, and the lists around it."""
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: {"text": "x" * 60})
    executors.register("each")(each)
    with fl.open_ledger(url, executors, create=True) as ledger:
        run = store_run(ledger, turns)
        head = ledger.runs.get(run).version
    chance = random.Random(turns)
    with serving(url) as server, _page(browser, server.url) as page:
        page.goto(f"/runs/{run}")
        moves = [page.evaluate(_MOVE, chance.randrange(1, head)) for _ in range(MOVES)]
    versions, lists = zip(*moves, strict=True)
    long = f"a run of {2 * turns:,} steps"
    return [
        _row(f"any version of {long}", versions, MOST_OF_A_MOVE),
        _row(f"any version of {long}, with the steps and events around it", lists, MOST),
    ]


@contextmanager
def _page(browser: Any, base: str) -> Generator[Any]:
    """A window of a reader whose zone the server knows already."""
    window = browser.new_context(base_url=base)
    window.set_default_timeout(PATIENCE)
    window.add_cookies([{"name": "flowledger_zone", "value": "UTC", "url": base}])
    try:
        yield window.new_page()
    finally:
        window.close()


def _visit(page: Any, address: str) -> float:
    """Milliseconds until the page is there, with what it loads."""
    answer = page.goto(address, wait_until="load")
    assert answer.status == 200, f"{address}: {answer.status}"
    took: float = page.evaluate(_LOADED)
    return took


def _row(what: str, times: Iterable[float], most: float) -> Row:
    times = sorted(times)
    median = statistics.median(times)
    return Row(
        f"in a browser: {what}",
        f"{median:.0f} ms",
        f"≤ {most:.0f} ms",
        median <= most,
        f"{times[0]:.0f} to {times[-1]:.0f} ms",
    )
