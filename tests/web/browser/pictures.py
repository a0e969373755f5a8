"""The pictures of the documentation: ``python -m tests.web.browser.pictures`` takes them anew.

``--all FOLDER`` takes one of every page, on a desk and on a phone, light and dark, for somebody to look at.
"""

import sys
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any, Final

from .shown import SHOWN, address_of, shown_site
from .sites import Site
from .windows import browsing, open_window

FOLDER: Final = Path(__file__).parents[3] / "docs" / "assets" / "pages"
PICTURES: Final = ("history", "run", "canvas", "compare", "failures", "wait")
WIDTHS: Final = (1440, 390)
THEMES: Final = ("light", "dark")


def take(window: Any, site: Site, folder: Path) -> None:
    """Take those of the documentation."""
    page = window.new_page()
    for name in PICTURES:
        page.goto(address_of(name, site), wait_until="load")
        page.screenshot(path=folder / f"{name}.png")


def take_all(window: Any, site: Site, folder: Path) -> None:
    """Take one of every page for each width and theme, whole."""
    folder.mkdir(parents=True, exist_ok=True)
    page = window.new_page()
    for name in SHOWN:
        page.goto(address_of(name, site), wait_until="load")
        for width, theme in product(WIDTHS, THEMES):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=theme)
            page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)


if __name__ == "__main__":
    with shown_site() as shown, browsing() as browser, closing(open_window(browser, shown.base)) as opened:
        if sys.argv[1:2] == ["--all"]:
            take_all(opened, shown, Path(sys.argv[2]))
        else:
            take(opened, shown, FOLDER)
