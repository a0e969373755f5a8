"""Words of texts and values, the same for what is searched and for what is searched for.

Where a script puts blanks between its words, a word is found by its beginning. Where it doesn't, only a dictionary
knows where a word begins, so one may begin at every letter, and what is searched for is found wherever it stands. Such
a text is indexed by its trigrams: at each letter, the three characters from there on. They find what has up to three
characters for certain, and of anything longer all runs that may have it, which are then looked at themselves.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from ...domain.errors import InvalidRequest
from ...domain.visible import quoted
from .letters import JOINT, LETTER, MARK, UNSPACED, fold_text, kinds_of

LONGEST_WORD = 100
"""Characters of a word that count."""

MOST_CHARACTERS = 100_000
"""Characters of the different words that are kept of one run. PostgreSQL can't keep a megabyte of them."""

CUT = "…"
"""Stands among the words of a run that has more than are kept. It is no word, so nothing else is taken for it."""

MOST_WORDS = 50
"""Words that a text to search for may have."""

_TRIGRAM = 3
_MOST_TRIGRAMS = 20
"""Of one word that is searched for, as many as are looked up: what they find is looked at anyway."""

_ASCII_WORD = re.compile(rf"(\w{{1,{LONGEST_WORD}}})\w*", re.ASCII)
_SPACED = rf"({LETTER}[{LETTER}{MARK}]{{0,{LONGEST_WORD - 1}}})[{LETTER}{MARK}]*"
_RUN = rf"{UNSPACED}[{UNSPACED}{MARK}]*(?:{JOINT}{UNSPACED}[{UNSPACED}{MARK}]*)*"
_WORD = re.compile(f"{_SPACED}|({_RUN})")
_LONG = 2**16


class Word(NamedTuple):
    """A word, or a run of letters without blanks between its words."""

    text: str
    is_unspaced: bool = False


class WordQuery(NamedTuple):
    """The words of a text to search for: a run must have all of them, in any order."""

    spaced: tuple[str, ...]
    """Each must be the beginning of a word."""
    unspaced: tuple[str, ...]
    """Each must stand somewhere in a run of letters."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What indexed words must begin with, one for each prefix, if all words are there."""
        return tuple(
            dict.fromkeys((*self.spaced, *(prefix for text in self.unspaced for prefix in _lookup_prefixes(text))))
        )

    @property
    def is_certain(self) -> bool:
        """Whether the prefixes tell for certain."""
        return all(len(text) <= _TRIGRAM for text in self.unspaced)

    def is_indexed_in(self, indexed: Collection[str]) -> bool:
        """Whether there is a word for each prefix among those that were indexed of a run."""
        return all(any(word.startswith(prefix) for word in indexed) for prefix in self.prefixes)

    def is_in(self, words: Collection[Word]) -> bool:
        """Whether all are in the words of a run."""
        return all(
            any(not word.is_unspaced and word.text.startswith(text) for word in words) for text in self.spaced
        ) and all(any(word.is_unspaced and text in word.text for word in words) for text in self.unspaced)


def word_query(text: str) -> WordQuery:
    """What to look for, where ``text`` is searched for. Raises InvalidRequest when it has no word, or too many."""
    if not isinstance(text, str):
        raise InvalidRequest(f"the text {quoted(text)} to search for is {type(text).__name__}, not text")
    found = sorted(set(all_words(text)))
    if not found:
        raise InvalidRequest(
            f"there is no word in {quoted(text)} to search for: a word is made of letters, digits and _"
        )
    if len(found) > MOST_WORDS:
        raise InvalidRequest(f"{len(found)} words to search for: {MOST_WORDS} is the most")
    return WordQuery(
        tuple(word.text for word in found if not word.is_unspaced),
        tuple(word.text for word in found if word.is_unspaced),
    )


def add_words(known: set[str], size: int, text: str) -> int:
    """Add what is indexed of a text to what is known, whose characters are ``size``; returns the new size.

    When it is too much, CUT is added to what fits; the same words in the same order always make the same set.
    """
    if CUT in known:
        return size
    if len(text) <= _LONG:
        new = set(_indexed(text)).difference(known)
        grown = size + sum(map(len, new))
        if grown <= MOST_CHARACTERS:
            known |= new
            return grown
    for word in _indexed(text):
        if word not in known:
            if size + len(word) > MOST_CHARACTERS:
                known.add(CUT)
                return size
            known.add(word)
            size += len(word)
    return size


def all_words(text: str) -> Iterator[Word]:
    """Every word of a text, and every run of letters, one after the other."""
    text = fold_text(text)
    if text.isascii():
        return (Word(found[1]) for found in _ASCII_WORD.finditer(text))
    return (
        Word(text[found.start(2) : found.end(2)], is_unspaced=True)
        if found[2] is not None
        else Word(text[found.start(1) : found.end(1)])
        for found in _WORD.finditer(kinds_of(text))
    )


def texts_in(value: Any) -> Iterator[str]:
    """The texts and numbers of a JSON value, in its order. Keys, true, false and null are none."""
    left = [value]
    while left:
        value = left.pop()
        kind = type(value)
        if kind is str:
            yield value
        elif kind is int or kind is float:
            yield str(value)
        elif isinstance(value, Mapping):
            left += reversed(list(value.values()))
        elif isinstance(value, list):
            left += reversed(value)


def _indexed(text: str) -> Iterator[str]:
    if text.isascii():
        return iter(_ASCII_WORD.findall(text.lower()))
    return (part for word in all_words(text) for part in (_trigrams(word.text) if word.is_unspaced else (word.text,)))


def _trigrams(run: str) -> Iterator[str]:
    """At each letter the characters from there on, three where there are as many."""
    return (run[place : place + _TRIGRAM] for place, kind in enumerate(kinds_of(run)) if kind == UNSPACED)


def _lookup_prefixes(run: str) -> Iterator[str]:
    """Prefixes of trigrams that every run of letters has in which this one stands."""
    return islice(
        (part for place, part in enumerate(_trigrams(run)) if not place or len(part) == _TRIGRAM), _MOST_TRIGRAMS
    )
