"""The files that pages load: small ones of our own, and others' exactly as they were published."""

import hashlib
import re
from pathlib import Path

import pytest

from flowledger.infrastructure.interfaces.web.rendering.static_files import STATIC

from .visits import Story, get, page

VENDORED = {
    "idiomorph.min.js": "4cbd535caf7663a51eda9bce6595371c384fc430d54b8d414e29a61167f19f96",  # 0.8.0, as npm has it
}


def test_modules_of_our_own_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in STATIC.glob("*.js")}
    assert sum(sizes.values()) < 15_000, sizes


def test_a_module_imports_none_of_ours_as_it_would_run_twice() -> None:
    for path in STATIC.glob("*.js"):
        assert "import " not in re.sub("//.*", "", path.read_text()), (
            f"{path.name}: pages load modules with a digest behind"
        )


@pytest.mark.parametrize(("name", "digest"), VENDORED.items())
def test_a_file_of_others_is_the_one_that_they_published_with_its_licence_beside_it(name: str, digest: str) -> None:
    file = Path(STATIC) / "vendor" / name
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    assert (file.parent / f"{name.partition('.')[0]}.LICENSE").read_text().strip()


async def test_a_page_that_follows_the_store_says_from_where_on(told: Story) -> None:
    region = (await page(told, "/history")).one("section", data_rows="")
    stored = max(event.position for event in told.ledger.subscribe(catch_up=True))
    assert region.attributes["data-live"] == "history="
    assert int(region.attributes["data-position"]) == stored
    assert "live.js" not in (await get(told, f"/runs/{told.run}")).text, "it has ended"
    assert "live.js" in (await get(told, f"/runs/{told.waiting}")).text


async def test_the_foot_names_the_store(told: Story) -> None:
    assert "A store in memory" in (await page(told, "/history")).one("footer").text
