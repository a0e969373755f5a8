"""The reference pages: which sections they have, and what a section says that comes from the code.

A section begins with a heading that is a name in backticks. Below it stand, made from the code, the signature, the
docstring and the table of a class's attributes; then, by hand, examples and whatever else is good to know. In the
table the type and meaning of an attribute are by hand where the code doesn't say them.
``python -m tests.docs.write_reference`` makes the first part anew, and a test compares.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .public import Attribute, Class, Method

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
HEADING = re.compile(r"^##+ `([\w.]+)`\n", re.MULTILINE)
ANY_HEADING = re.compile(r"^##+ ", re.MULTILINE)
_ROW = re.compile(r"^\| `(\w+)(?:\\\||[^|])* \| ((?:\\\||[^|])*) \| ((?:\\\||[^|])*) \|$", re.MULTILINE)
_BY_HAND = re.compile(r"^(```python\n|\*\*|<!--)", re.MULTILINE)
_TABLE = "| attribute | type | |\n|---|---|---|\n"
_CAMEL_CASE = re.compile(r"(?<![\w`.])(?:[A-Z][a-z]+){2,}\b")


@dataclass(frozen=True)
class Section:
    """A section as it stands on a page; ``body`` is all below its heading."""

    name: str
    page: Path
    heading: str
    body: str

    @property
    def rows(self) -> dict[str, tuple[str, str]]:
        """Attribute → its type and its meaning, as cells."""
        return {name: (type.strip(), meaning.strip()) for name, type, meaning in _ROW.findall(self.body)}

    @property
    def by_hand(self) -> str:
        if _TABLE in self.body:
            table = self.body.index(_TABLE) + len(_TABLE)
            return re.sub(r"\A(\|.*\n)*", "", self.body[table:]).lstrip("\n")
        begin = _BY_HAND.search(self.body)
        return self.body[begin.start() :] if begin else ""


def pages() -> list[Path]:
    return sorted(FOLDER.glob("*.md"))


def sections_of(page: Path) -> Iterator[Section]:
    text = page.read_text("utf-8")
    for heading in HEADING.finditer(text):
        following = ANY_HEADING.search(text, heading.end())
        yield Section(heading[1], page, heading[0], text[heading.end() : following.start() if following else None])


def written(page: Path, public: Mapping[str, Method | Class], links: Mapping[str, str]) -> str:
    """The page as it should be; a section of a name that isn't public stays as it is."""
    text = page.read_text("utf-8")
    for section in sections_of(page):
        if section.name in public:
            body = section_text(public[section.name], section, links)
            text = text.replace(section.heading + section.body, section.heading + body, 1)
    return text.rstrip("\n") + "\n"


def section_text(public: Method | Class, section: Section, links: Mapping[str, str]) -> str:
    parts = [_signature_block(public), _linked(_markdown(public.doc), links, section)]
    if isinstance(public, Class) and public.attributes:
        parts.append(_table(public.attributes, section, links))
    parts.append(section.by_hand.rstrip("\n"))
    return "\n" + "\n\n".join(part for part in parts if part) + "\n\n"


def links_of(pages: list[Path]) -> dict[str, str]:
    """Name of a public class → the place of its section."""
    return {
        section.name: f"{page.name}#{section.name.lower()}"
        for page in pages
        for section in sections_of(page)
        if "." not in section.name
    }


def _signature_block(public: Method | Class) -> str:
    if public.signature is None:
        return ""
    text = f"```py\n{public.signature}\n```"
    if isinstance(public, Method) and public.asynchronous is not None:
        text += f"\n\nAsync: `{public.asynchronous}`."
    return text


def _markdown(doc: str) -> str:
    return doc.replace("``", "`").strip()


def _linked(text: str, links: Mapping[str, str], section: Section) -> str:
    """Names of our classes in the text lead to their sections."""

    def link(name: re.Match[str]) -> str:
        page, _, anchor = links.get(name[0], "").partition("#")
        if not page or name[0] == section.name:
            return name[0]
        return f"[`{name[0]}`]({'' if page == section.page.name else page}#{anchor})"

    return _CAMEL_CASE.sub(link, text)


def _table(attributes: list[Attribute], section: Section, links: Mapping[str, str]) -> str:
    rows, before = [], section.rows
    for attribute in attributes:
        type, meaning = before.get(attribute.name.partition("(")[0], ("", ""))
        type = f"`{_cell(attribute.type)}`" if attribute.type else type
        meaning = _phrase(_cell(_linked(_markdown(attribute.doc), links, section)) or meaning)
        rows.append(f"| `{_cell(attribute.name)}` | {type} | {meaning} |")
    return _TABLE + "\n".join(rows)


def _phrase(text: str) -> str:
    """A table says all in one form: with a capital, and without the stop of a single sentence."""
    return text[:1].upper() + (text[1:].removesuffix(".") if ". " not in text else text[1:])


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text)
