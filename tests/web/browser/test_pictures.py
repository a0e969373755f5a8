"""The pictures of the documentation can be taken: those that it shows, of what is there now, as large as they were.

They aren't compared dot by dot: fonts and versions of a browser differ between machines, so such a test would fail for
what no reader sees, or let pass what one does. What a page says is compared by its outline, which is the same
everywhere; this is about the rest: no picture is missing, of a page that is gone, empty, or of another size.
"""

import re
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from .pictures import FOLDER, PICTURES, take
from .sites import Site
from .windows import open_window

DOCS = FOLDER.parents[1]


def size_of(picture: Path) -> tuple[int, int]:
    """Of a PNG, which says it behind its first sixteen bytes."""
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return width, height


def test_the_documentation_shows_each_picture_and_no_other() -> None:
    text = "".join(page.read_text("utf-8") for page in DOCS.rglob("*.md"))
    assert set(re.findall(r"assets/pages/([\w-]+)\.png", text)) == set(PICTURES)
    assert {picture.stem for picture in FOLDER.iterdir()} == set(PICTURES)


@pytest.mark.exhaustive
def test_each_picture_can_be_taken_as_large_as_it_is_and_with_something_on_it(
    chromium: Any, site: Site, tmp_path: Path
) -> None:
    with closing(open_window(chromium, site.base)) as window:
        take(window, site, tmp_path)
    for name in PICTURES:
        taken, shown = tmp_path / f"{name}.png", FOLDER / f"{name}.png"
        assert size_of(taken) == size_of(shown), name
        assert 0.5 < taken.stat().st_size / shown.stat().st_size < 2, f"{name} shows much more or less than it did"
