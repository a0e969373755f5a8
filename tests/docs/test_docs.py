"""Docs can't drift: their Python blocks run, and the reference names what is public."""

import re
from pathlib import Path
from typing import get_type_hints

import pytest

import flowledger as fl
from flowledger import stores, testing
from flowledger.domain.events.catalogue import EVENT_TYPES
from flowledger.domain.events.envelope import After, Recorded

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def name_of(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text())], ids=name_of)
def test_the_python_blocks_of_a_page_run_in_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "docs"}
    text = page.read_text()
    for block in BLOCK.finditer(text):
        line = text[: block.start(1)].count("\n")
        exec(compile("\n" * line + block.group(1), str(page), "exec"), namespace)  # noqa: S102 - our own docs


def test_the_api_reference_names_everything_that_is_public_and_nothing_else():
    named = set(re.findall(r"^#+ `(?:fl\.)?(\w+)", (ROOT / "docs/reference/api.md").read_text(), re.MULTILINE))
    assert named == set(fl.__all__) - {"__version__"}


def test_the_reference_of_testing_names_everything_that_is_in_it_and_nothing_else():
    named = re.findall(r"^## `(\w+)", (ROOT / "docs/reference/testing.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(testing.__all__)


def test_the_reference_of_stores_names_everything_that_is_in_it_and_nothing_else():
    named = re.findall(r"^## `(\w+)", (ROOT / "docs/reference/stores.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(stores.__all__)
    assert [name for name in stores.__all__ if not getattr(stores, name).__doc__] == []


def test_every_public_name_has_a_docstring():
    assert [name for name in fl.__all__ if name != "__version__" and not getattr(fl, name).__doc__] == []


def test_the_events_page_tells_every_event_and_every_key_of_its_body():
    page = (ROOT / "docs/reference/events.md").read_text()
    rows = re.findall(r"^\| `(\w+\.\w+)` \| (.*) \|$", page, re.MULTILINE)
    ours = {name: type.schema for name, type in EVENT_TYPES.items() if not name.startswith("test.")}
    assert sorted(name for name, _ in rows) == sorted(ours)
    told = {name: set(re.findall(r"`([\w.]+)`", text)) for name, text in rows}
    shared = get_type_hints(Recorded).keys() | get_type_hints(After).keys()
    assert {key for key in shared if f"`{key}`" not in page} == set()
    for name, schema in ours.items():
        known = told[name].union(*(told[other] for other in told[name] & told.keys()))
        assert get_type_hints(schema).keys() - get_type_hints(Recorded).keys() - known == set(), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_example_has_at_most_as_many_lines_as_it_says():
    code = BLOCK.search((ROOT / "README.md").read_text()).group(1)
    statements = [line for line in code.splitlines() if line.strip()]
    assert len(statements) <= 20


def test_the_files_that_the_promises_name_exist():
    named = re.findall(r"`((?:tests|benchmarks)[\w/.]*)`", (ROOT / "docs/explanation/promises.md").read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
