"""What pages are to those who don't see them: the tree of roles and names of each, kept in files.

``python -m tests.web.browser.outlines`` writes the files anew, for somebody to read what has changed.
"""

import re
from contextlib import closing
from pathlib import Path
from typing import Final

from ..named_ids import without_ids
from .shown import SHOWN, address_of, shown_site
from .windows import browsing, open_window

FOLDER: Final = Path(__file__).parent / "outlines"


def without_sizes(outline: str) -> str:
    """An outline with any number of bytes: what is recorded of a machine and its packages isn't as long on another."""
    return re.sub(r"(?m)- text: ([\w ]*?)[0-9,]+ bytes$", r"- text: /\1[0-9,]+ bytes/", outline)


def write() -> None:
    """Write the outline of each page."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.yml"):
        old.unlink()
    with shown_site() as site, browsing() as browser, closing(open_window(browser, site.base)) as window:
        page = window.new_page()
        for name in SHOWN:
            page.goto(address_of(name, site), wait_until="load")
            outline = without_sizes(without_ids(site.story, page.locator("main").aria_snapshot()))
            (FOLDER / f"{name}.yml").write_text(outline + "\n", "utf-8")


if __name__ == "__main__":
    write()
