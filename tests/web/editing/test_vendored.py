"""What the edit page loads besides the modules that all pages have: one file of others, and how much it weighs."""

import gzip
import re
from hashlib import sha256

import pytest
from tests.web.editing.desk import Desk

from flowledger.infrastructure.interfaces.web.rendering.static_files import STATIC

DIGEST = "c7cb570a61fc26c2d2b180689ab8b04e0ef850ab042302b142cf45f92c048ab9"
"""Of what `tests/web/vendoring/build.py` makes."""


def test_the_vendored_editor_is_the_one_that_was_built_with_its_licence_beside_it() -> None:
    assert sha256((STATIC / "vendor/editor.js").read_bytes()).hexdigest() == DIGEST
    assert "Permission is hereby granted" in (STATIC / "vendor/editor.LICENSE").read_text()


def test_the_vendored_editor_evaluates_no_text_and_loads_nothing() -> None:
    """The policy would refuse it, where a page has one."""
    text = (STATIC / "vendor/editor.js").read_text()
    assert not re.search(r"\beval\(|\bnew Function\b|\bimport\(|https?://(?!www\.w3\.org)", text)


async def test_only_the_edit_page_loads_it_and_weighs_less_than_200_kb(desk: Desk) -> None:
    await desk.open("ship")
    assert desk.answer is not None
    files = [*re.findall(r'"/static/([^"?]+)\?v=', desk.answer.text)]
    weight = len(gzip.compress(desk.answer.content, 5)) + sum(
        len(gzip.compress((STATIC / name).read_bytes(), 5)) for name in set(files)
    )
    assert "vendor/editor.js" in files
    assert weight < 200_000
    async with desk.client() as client:
        for other in ("/workflows/orders?step=ship", "/workflows", "/history"):
            assert "vendor/editor" not in (await client.get(other)).text


@pytest.mark.parametrize("name", ["editor.js", "editor.LICENSE"])
async def test_it_is_served_and_kept_by_browsers(desk: Desk, name: str) -> None:
    async with desk.client() as client:
        assert (await client.get(f"/static/vendor/{name}")).status_code == 200
