"""The pictures of the documentation: ``python -m tests.web.browser.pictures`` takes them anew."""

from contextlib import closing
from pathlib import Path
from typing import Final

from ..story import WORKFLOW, story
from .conftest import ARGUMENTS, CHROMIUM, playwright, served
from .outlines import reader

FOLDER: Final = Path(__file__).parents[3] / "docs" / "assets" / "pages"
PICTURES: Final = {
    "history": "/history",
    "run": "/runs/RUN?step=ship",
    "canvas": f"/workflows/{WORKFLOW}/versions/7?run=RUN&step=ship",
    "compare": "/runs/GOOD/compare/RUN",
    "failures": "/failures",
    "waits": "/waits",
}


def take() -> None:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    with story() as told, served(told.ledger) as base, playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        with closing(browser), closing(reader(browser, base)) as window:
            page = window.new_page()
            for name, address in PICTURES.items():
                page.goto(address.replace("RUN", told.run).replace("GOOD", told.good), wait_until="load")
                page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    take()
