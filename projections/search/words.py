"""Words of texts and values, the same for what is searched and for what is searched for."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import normalize

from ...domain.errors import InvalidRequest

LONGEST_WORD = 100
"""Characters of a word that count."""

MOST_CHARACTERS = 100_000
"""Characters of the different words that are kept of one run. PostgreSQL can't keep a megabyte of them."""

CUT = "…"
"""Stands among the words of a run that has more than are kept. It is no word, so nothing else is taken for it."""

_WORD = re.compile(rf"(\w{{1,{LONGEST_WORD}}})\w*")
_LONG = 2**16


def prefixes(text: str) -> list[str]:
    """What each word of a run must begin with for ``text`` to find it: all of them, in any order.

    Raises InvalidRequest when there is no word in the text.
    """
    if not isinstance(text, str):
        raise InvalidRequest(f"the text {text!r} to search for is {type(text).__name__}, not text")
    found = sorted(set(_words(text)))
    if not found:
        raise InvalidRequest(f"there is no word in {text!r} to search for: a word is made of letters, digits and _")
    return found


def add_words(known: set[str], size: int, text: str) -> int:
    """Add the words of a text to those known, whose characters are ``size``; returns the new size.

    When they are too many, CUT is added to what fits; the same words in the same order always make the same set.
    """
    if CUT in known:
        return size
    if len(text) <= _LONG:
        new = set(_words(text)).difference(known)
        grown = size + sum(map(len, new))
        if grown <= MOST_CHARACTERS:
            known |= new
            return grown
    for word in _words(text):
        if word not in known:
            if size + len(word) > MOST_CHARACTERS:
                known.add(CUT)
                return size
            known.add(word)
            size += len(word)
    return size


def all_words(text: str) -> Iterator[str]:
    """Every word of a text, one after the other."""
    return _words(text)


def texts_in(value: Any) -> Iterator[str]:
    """The texts and numbers of a JSON value, in its order. Keys, true, false and null are none."""
    kind = type(value)
    if kind is str:
        yield value
    elif kind is int or kind is float:
        yield str(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)


def _words(text: str) -> Iterator[str]:
    # An é of one sign and one of two are the same letter, and are written both ways.
    folded = text.lower() if text.isascii() else normalize("NFKC", text).casefold()
    if len(folded) <= _LONG:
        return iter(_WORD.findall(folded))
    return (found[1] for found in _WORD.finditer(folded))
