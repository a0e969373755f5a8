"""Reading a page as somebody does: its text, its links, its rows, its forms."""

from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_VOID: Final = frozenset({"meta", "link", "input", "br", "hr", "img"})
_UNSEEN: Final = frozenset({"head", "script", "style", "svg"})


class Element:
    """An element, with what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: "Element | None") -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.children: list[Element | str] = []

    @property
    def text(self) -> str:
        """What can be read, on one line."""
        return " ".join(self._text().split())

    def _text(self) -> str:
        if self.tag in _UNSEEN:
            return " "
        inner = "".join(child if isinstance(child, str) else child._text() for child in self.children)
        return f" {inner} " if self.tag in ("td", "th", "div", "p", "li", "a", "h1", "h2", "dt", "dd") else inner

    def find(self, tag: str = "", **attributes: str) -> list["Element"]:
        """The elements below with this tag, class (``classes=``) and attributes."""
        found: list[Element] = []
        for child in self.children:
            if isinstance(child, Element):
                if child._is(tag, attributes):
                    found.append(child)
                found += child.find(tag, **attributes)
        return found

    def one(self, tag: str = "", **attributes: str) -> "Element":
        """The only one."""
        (found,) = self.find(tag, **attributes)
        return found

    def _is(self, tag: str, attributes: dict[str, str]) -> bool:
        wanted = dict(attributes)
        classes = wanted.pop("classes", "").split()
        own = self.attributes
        return (
            (not tag or self.tag == tag)
            and set(classes) <= set(own.get("class", "").split())
            and all(own.get(name.replace("_", "-")) == value for name, value in wanted.items())
        )

    def link(self, words: str) -> str:
        """The address of the link that says this, or is called so."""
        found = {
            link.attributes.get("href", "")
            for link in self.find("a")
            if words in (link.text, link.attributes.get("aria-label"))
        }
        assert len(found) == 1, f"{words!r}: {sorted(found)} of {[link.text for link in self.find('a')]}"
        return found.pop()


def read(html: str) -> Element:
    """The page."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert parser.at is parser.top, f"<{parser.at.tag}> isn't closed"
    return parser.top


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.top = self.at = Element("", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(element)
        if tag not in _VOID:
            self.at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.children.append(Element(tag, {name: value or "" for name, value in attrs}, self.at))

    def handle_endtag(self, tag: str) -> None:
        assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def query_of(address: str) -> list[tuple[str, str]]:
    """The parameters of an address."""
    return parse_qsl(urlsplit(address).query)
