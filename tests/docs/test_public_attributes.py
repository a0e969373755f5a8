"""Whatever somebody can reach on a public class is told in the reference: what isn't, has no public name."""

import inspect
import re
from pathlib import Path

import pytest

import flowledger as fl

PAGES = Path(__file__).parents[2] / "docs/reference"
CLASSES = [getattr(fl, name) for name in fl.__all__ if inspect.isclass(getattr(fl, name))]
OF_OTHERS = {"model_config"}
"""Of pydantic, which asks for it under this name."""


def section_of(name: str) -> str:
    """What the reference says under the heading of a class, with the headings of its methods."""
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text()
        heading = re.search(rf"^(#+) `(?:fl\.)?{name}\b.*$", text, re.MULTILINE)
        if heading is not None:
            level = len(heading[1])
            following = re.compile(rf"^#{{1,{level}}} ", re.MULTILINE).search(text, heading.end())
            return text[heading.start() : following.start() if following else len(text)]
    return ""


def public_attributes(kind: type) -> list[str]:
    """Those that our code gives a class, and not what it derives from: pydantic, ``datetime``, ``Exception``."""
    found: list[str] = []
    for name in dir(kind):
        owner = next(base for base in kind.__mro__ if name in vars(base))
        inherited = any(name in vars(base) for base in kind.__mro__ if not base.__module__.startswith("flowledger"))
        if not name.startswith("_") and owner.__module__.startswith("flowledger") and not inherited:
            found.append(name)
    declared = [*getattr(kind, "__dataclass_fields__", ()), *getattr(kind, "model_fields", ())]
    found += [name for name in declared if not name.startswith("_") and name not in found]
    return [name for name in found if name not in OF_OTHERS]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_public_attribute_of_a_class_is_told_in_its_section(kind: type) -> None:
    section = section_of(kind.__name__)
    untold = [name for name in public_attributes(kind) if not re.search(rf"\b{name}\b", section)]
    assert [name for name in untold if not (name[0] == "a" and re.search(rf"\b{name[1:]}\b", section))] == []
