"""What pages are to those who don't see them: the tree of roles and names of each, kept in files.

``python -m tests.web.browser.outlines`` writes the files anew, for somebody to read what has changed.
"""

from contextlib import closing
from pathlib import Path
from typing import Any, Final

from ..named_ids import without_ids
from ..story import WORKFLOW, Story, story
from .conftest import ARGUMENTS, CHROMIUM, playwright, served

FOLDER: Final = Path(__file__).parent / "outlines"
PAGES: Final = {
    "diff": f"/workflows/{WORKFLOW}/diff/7/9",
    "failures": "/failures",
    "missing": "/runs/nothing",
    "steps": "/steps?node=ship",
    "waits": "/waits?wait=WAITING",
}


def address_of(page: str, told: Story) -> str:
    """The address of a page, with the ids of this story."""
    run = told.ledger.runs.get(told.run)
    wait = told.ledger.runs.get(told.waiting).waits[0].id
    known = {"RUN": told.run, "GOOD": told.good, "ORDER": run.work_order_id, "WAITING": wait}
    address = PAGES[page]
    for name, own in known.items():
        address = address.replace(name, own)
    return address


def reader(browser: Any, base: str) -> Any:
    """A window of somebody in Berlin, whom the server knows already."""
    window = browser.new_context(base_url=base, viewport={"width": 1440, "height": 900}, timezone_id="Europe/Berlin")
    window.add_cookies([{"name": "flowledger_zone", "value": "Europe%2FBerlin", "url": base}])
    return window


def write() -> None:
    """Write the outline of each page."""
    FOLDER.mkdir(exist_ok=True)
    with story() as told, served(told.ledger) as base, playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        with closing(browser), closing(reader(browser, base)) as window:
            page = window.new_page()
            for name in PAGES:
                page.goto(address_of(name, told), wait_until="load")
                outline = page.locator("main").aria_snapshot()
                (FOLDER / f"{name}.yml").write_text(without_ids(told, outline) + "\n", "utf-8")


if __name__ == "__main__":
    write()
