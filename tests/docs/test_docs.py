"""Docs can't drift: their Python blocks run, and the reference names what is public."""

import ast
import inspect
import re
from pathlib import Path
from typing import get_type_hints

import pytest

import flowledger as fl
from flowledger import stores, testing, web
from flowledger.domain.events.catalogue import EVENT_TYPES
from flowledger.domain.events.envelope import After, Keyed

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
    for ledger in [value for value in namespace.values() if isinstance(value, fl.Ledger)]:
        ledger.close()  # an example in memory leaves its ledger open


def test_the_reference_of_testing_names_everything_that_is_in_it_and_nothing_else():
    named = re.findall(r"^## `(\w+)", (ROOT / "docs/reference/testing.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(testing.__all__)


def test_the_reference_of_stores_names_everything_that_is_in_it_and_nothing_else():
    named = re.findall(r"^## `(\w+)", (ROOT / "docs/reference/stores.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(stores.__all__)
    assert [name for name in stores.__all__ if not getattr(stores, name).__doc__] == []


def test_the_reference_of_web_names_everything_that_is_in_it_and_nothing_else():
    named = re.findall(r"^## `(\w+)", (ROOT / "docs/reference/web.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(web.__all__)


CALLS = [
    (module, name)
    for module in (testing, stores, web)
    for name in module.__all__
    if inspect.isfunction(getattr(module, name)) or name in {"Faults", "ManualClock", "NewEvent", "Principal"}
]


@pytest.mark.parametrize(("module", "name"), CALLS, ids=[name for _, name in CALLS])
def test_the_reference_of_testing_and_stores_has_each_call_as_it_is(module, name):
    page = (ROOT / f"docs/reference/{module.__name__.rpartition('.')[2]}.md").read_text()
    begin = re.search(rf"^## `{name}`\n`{name}(?=\()", page, re.MULTILINE).end()
    written = ast.parse(page[begin : closing(page, begin)].join(("def call", ": ..."))).body[0].args
    signature = inspect.signature(getattr(module, name))
    assert [each.arg for each in (*written.args, written.vararg, *written.kwonlyargs) if each] == [
        *signature.parameters
    ]
    defaults = [each for each in signature.parameters.values() if each.default is not each.empty]
    assert len([*written.defaults, *filter(None, written.kw_defaults)]) == len(defaults)


def closing(text, begin):
    """Behind the bracket that closes the one at ``begin``."""
    depth = 0
    for place, sign in enumerate(text[begin:], begin):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0:
            return place + 1
    raise AssertionError("no bracket closes this one")


def test_every_public_name_has_a_docstring():
    assert [name for name in fl.__all__ if name != "__version__" and not getattr(fl, name).__doc__] == []


def test_the_events_page_tells_every_event_and_every_key_of_its_body():
    page = (ROOT / "docs/reference/events.md").read_text()
    rows = re.findall(r"^\| `(\w+\.\w+)` \| (.*) \|$", page, re.MULTILINE)
    ours = {name: type.schema for name, type in EVENT_TYPES.items() if not name.startswith("test.")}
    assert sorted(name for name, _ in rows) == sorted(ours)
    told = {name: set(re.findall(r"`([\w.]+)`", text)) for name, text in rows}
    shared = get_type_hints(Keyed).keys() | get_type_hints(After).keys()
    assert {key for key in shared if f"`{key}`" not in page} == set()
    for name, schema in ours.items():
        known = told[name].union(*(told[other] for other in told[name] & told.keys()))
        assert get_type_hints(schema).keys() - get_type_hints(Keyed).keys() - known == set(), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors_of(file), f"{page.name} links to {target}#{anchor}"


def anchors_of(page):
    """What links name the headings of a page by: in small letters, without signs, a hyphen for each blank."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_first_example_of_the_readme_is_six_statements_and_the_second_at_most_twenty_lines():
    first, second = BLOCK.findall((ROOT / "README.md").read_text())[:2]
    statements = [each for each in ast.walk(ast.parse(first)) if isinstance(each, ast.stmt)]
    assert len([each for each in statements if not isinstance(each, ast.Import | ast.Return)]) == 6
    assert len([line for line in second.splitlines() if line.strip()]) <= 20


def test_the_files_that_the_promises_name_exist():
    named = re.findall(r"`((?:tests|benchmarks)[\w/.]*)`", (ROOT / "docs/explanation/promises.md").read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_index_of_decisions_says_number_title_and_status_of_each():
    folder = ROOT / "docs/adr"
    rows = re.findall(
        r"^\| \[(\d+)\]\((.*?)\) \| (.*?) \| (.*?) \| (.+) \|$", (folder / "README.md").read_text(), re.MULTILINE
    )
    decisions = []
    for page in sorted(folder.glob("0*.md")):
        number, title, status = re.match(r"# (\d+)\. (.*)\n\n\*\*Status\.\*\* (.*)\n", page.read_text()).groups()
        assert int(number) == int(page.name[:4])
        decisions.append((number, page.name, title, status))
    assert [row[:4] for row in rows] == decisions


def test_the_index_leads_to_every_page():
    folder = ROOT / "docs"
    linked = {
        (folder / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", (folder / "index.md").read_text())
    }
    pages = {page.resolve() for page in folder.rglob("*.md")} - {folder / "index.md", *(folder / "adr").glob("0*.md")}
    assert pages - linked == set()


def test_the_glossary_is_in_order_and_says_each_term_once():
    for table in (ROOT / "docs/explanation/glossary.md").read_text().split("|---|"):
        terms = re.findall(r"^\| ([a-z][\w ,-]+) \| ", table.partition("\n## ")[0], re.MULTILINE)
        assert terms == sorted(set(terms))
