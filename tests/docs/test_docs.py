"""Docs can't drift: their Python blocks run, and the reference names what is public."""

import re
from pathlib import Path

import pytest

import flowledger as fl

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


def test_every_public_name_has_a_docstring():
    assert [name for name in fl.__all__ if name != "__version__" and not getattr(fl, name).__doc__] == []


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
