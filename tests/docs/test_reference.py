"""The reference says what the code says of every public name, and has an example of every call."""

import re
from pathlib import Path

import pytest

import flowledger as fl

from .public import Class, Method, sections
from .reference import FOLDER, Section, links_of, pages, sections_of, written

PUBLIC = sections()
METHODS = [name for name, public in PUBLIC.items() if isinstance(public, Method)]
OF_OTHER_NAMESPACES = {"testing.md", "stores.md", "web.md"}
"""Pages of ``flowledger.testing``, ``.stores`` and ``.web``, whose names aren't in ``flowledger`` itself."""
RECURRING = set(
    re.findall(r"`(\w+)`", (FOLDER / "ledger.md").read_text("utf-8").partition("## Parameters that recur")[2])
)


def all_sections() -> list[Section]:
    return [section for page in pages() if page.name not in OF_OTHER_NAMESPACES for section in sections_of(page)]


SECTIONS = {section.name: section for section in all_sections()}


def test_the_reference_has_one_section_for_each_public_name_and_no_other() -> None:
    assert sorted(section.name for section in all_sections()) == sorted(PUBLIC)


@pytest.mark.parametrize("name", [name for name in PUBLIC if re.match(r"ledger\.\w+\.", name)])
def test_a_method_stands_on_the_page_of_its_namespace(name: str) -> None:
    assert SECTIONS[name].page.stem == name.split(".")[1]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_signatures_and_descriptions_are_those_of_the_code(page: Path) -> None:
    """``python -m tests.docs.write_reference`` writes them."""
    assert page.read_text("utf-8") == written(page, PUBLIC, links_of(pages()))


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_is_explained(name: str) -> None:
    method = PUBLIC[name]
    assert isinstance(method, Method)
    explained = set(re.findall(r"`(\w+)[`=]", method.doc + SECTIONS[name].by_hand)) | RECURRING
    assert set(method.parameters) - explained == set()


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_an_example_that_calls_it(name: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", SECTIONS[name].body, re.DOTALL)
    assert any(f"{name.rpartition('.')[2]}(" in block for block in blocks)


@pytest.mark.parametrize("name", [name for name, public in PUBLIC.items() if isinstance(public, Class)])
def test_every_attribute_has_a_type_and_a_meaning(name: str) -> None:
    public, rows = PUBLIC[name], SECTIONS[name].rows
    assert isinstance(public, Class)
    names = {attribute.name.partition("(")[0] for attribute in public.attributes}
    assert names == rows.keys()
    assert [attribute for attribute, cells in rows.items() if not all(cells)] == []


@pytest.mark.parametrize("name", [name for name, public in PUBLIC.items() if isinstance(public, Class)])
def test_whatever_can_be_reached_on_a_class_is_an_attribute_or_a_method_of_the_reference(name: str) -> None:
    public = PUBLIC[name]
    assert isinstance(public, Class)
    owner = re.escape("ledger" if public.type is fl.Ledger else name)
    told = SECTIONS[name].rows.keys() | {
        found[1] for each in PUBLIC if (found := re.fullmatch(rf"{owner}\.(\w+)", each))
    }
    others = [base for base in public.type.__mro__ if not base.__module__.startswith("flowledger")]
    ours = {each for each in dir(public.type) if not any(each in vars(base) for base in others) and each[0] != "_"}
    assert {each for each in ours - told if not (each[0] == "a" and each[1:] in told)} - {"model_config"} == set()


def test_the_tree_of_errors_is_that_of_the_code() -> None:
    tree = re.findall(r"^    ([│├└─ ]*)(\w+)", SECTIONS["FlowledgerError"].page.read_text("utf-8"), re.MULTILINE)
    parents: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for indent, name in tree:
        path = [above for above in path if above[0] < len(indent)]
        if name in fl.__all__:
            parents[name] = next((above for _, above in reversed(path) if above in fl.__all__), "Exception")
        path.append((len(indent), name))
    errors = [
        public for name in fl.__all__ if isinstance(public := getattr(fl, name), type) if issubclass(public, Exception)
    ]
    assert parents == {error.__name__: error.__mro__[1].__name__ for error in errors}
