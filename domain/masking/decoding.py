"""A text, and what it says once it is unescaped: JSON, Python, URL and HTML escapes, also nested."""

import re
from collections.abc import Iterator
from functools import cache
from html.entities import html5
from itertools import combinations
from typing import Self

MAX_LAYERS = 6
"""Levels of escapes that are undone, as of JSON in JSON in JSON."""

_ESCAPES = {
    "%": r"(?P<percent>(?:%[0-9a-fA-F]{2})+)",
    "\\": r"(?P<bytes>(?:\\x[0-9a-fA-F]{2})+)"
    r"|(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?P<code>\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8})"
    r"|(?P<sign>\\[abfnrtv\"'/\\])",
    "&": r"(?P<decimal>&\#[0-9]{1,7};)|(?P<hexadecimal>&\#[xX][0-9a-fA-F]{1,6};)|(?P<name>&[a-zA-Z][a-zA-Z0-9]{1,31};)",
}
"""What escapes look like, by the sign that each begins with."""

_ALL = "".join(_ESCAPES)
_SIGNS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Layer:
    """A text, and from where in the original each of its characters comes."""

    __slots__ = ("_starts", "text")

    def __init__(self, text: str, starts: list[int] | None = None) -> None:
        """``starts``: for each character, and for the end, where it begins in the original; None: where it is."""
        self.text = text
        self._starts = starts

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """Where in the original all that makes the characters from ``begin`` to before ``end`` is."""
        starts = self._starts
        if starts is None:
            return begin, end
        while starts[end] == starts[end - 1]:  # one escape, or one letter in capitals, may be several characters
            end += 1
        return starts[begin], starts[end]

    def below(self, signs: str) -> Self | None:
        """One level of the escapes that begin with these signs undone; None where there are none."""
        decoded = unescape(self.text, signs)
        if decoded is None:
            return None
        text, starts = decoded
        return type(self)(text, starts if self._starts is None else [self._starts[at] for at in starts])

    def folded(self) -> Self:
        """As secrets are compared: case-folded, with a blank for each plus, as forms write it in URLs."""
        folded = fold(self.text)
        if len(folded) == len(self.text):
            return type(self)(folded, self._starts)
        places = range(len(self.text) + 1) if self._starts is None else self._starts
        starts = [place for char, place in zip(self.text, places, strict=False) for _ in fold(char)]
        return type(self)(folded, [*starts, places[-1]])


def layers(text: str) -> Iterator[Layer]:
    """The text as it is, and with one level of escapes after the other undone: of all kinds, and of each subset of
    them, as what stands before a secret may look like the beginning of an escape of another kind.
    """
    whole = Layer(text)
    yield whole
    seen = {text}
    present = [sign for sign in _ALL if sign in text]
    chosen = {_ALL, *("".join(signs) for count in range(1, len(present)) for signs in combinations(present, count))}
    for signs in sorted(chosen, key=len, reverse=True):
        for layer in _layers_below(whole, signs):
            if layer.text not in seen:
                seen.add(layer.text)
                yield layer


def _layers_below(layer: Layer, signs: str) -> Iterator[Layer]:
    for _ in range(MAX_LAYERS):
        below = layer.below(signs)
        if below is None:
            return
        yield below
        layer = below


def fold(text: str) -> str:
    """Case-folded, with a blank for each plus."""
    return text.casefold().replace("+", " ")


def decode_all(text: str) -> str:
    """The text without any escapes."""
    for _ in range(MAX_LAYERS):
        further = unescape(text, _ALL)
        if further is None:
            break
        text = further[0]
    return text


def unescape(text: str, signs: str) -> tuple[str, list[int]] | None:
    """The text with one level of the escapes that begin with these signs undone, and where in ``text`` each remaining
    character began, and the end. None: there are none. Takes time and memory in proportion to the text.
    """
    if not any(sign in text for sign in signs):
        return None
    parts: list[str] = []
    starts: list[int] = []
    done = 0
    for found in _escapes(signs).finditer(text):
        begin, end = found.span()
        parts.append(text[done:begin])
        starts.extend(range(done, begin))
        for char, width in _decode(found[0], str(found.lastgroup)):
            parts.append(char)
            starts.extend([begin] * len(char))
            begin += width
        done = end
    parts.append(text[done:])
    starts.extend(range(done, len(text) + 1))
    result = "".join(parts)
    return None if result == text else (result, starts)


@cache
def _escapes(signs: str) -> re.Pattern[str]:
    return re.compile("|".join(_ESCAPES[sign] for sign in signs))


def _decode(escape: str, kind: str) -> Iterator[tuple[str, int]]:
    """Each character that the escape stands for, and how many it takes in the text."""
    if kind in ("percent", "bytes"):
        width = 3 if kind == "percent" else 4
        run = bytes.fromhex(escape.replace("%" if kind == "percent" else "\\x", ""))
        for char in run.decode(errors="surrogateescape"):
            if "\udc80" <= char <= "\udcff":  # no UTF-8: a byte is a character, as in Latin-1
                yield chr(ord(char) - 0xDC00), width
            else:
                yield char, width * len(char.encode())
    elif kind == "pair":
        yield chr(0x10000 + ((int(escape[2:6], 16) & 0x3FF) << 10) + (int(escape[8:], 16) & 0x3FF)), len(escape)
    elif kind == "sign":
        yield _SIGNS.get(escape[1], escape[1]), len(escape)
    elif kind == "name":
        yield html5.get(escape[1:], escape), len(escape)
    else:
        code = int(escape[2:-1]) if kind == "decimal" else int(escape[2:].strip("xX;"), 16)
        yield (chr(code) if code <= 0x10FFFF else escape), len(escape)
