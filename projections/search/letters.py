"""The kinds of characters that make up words, from Unicode; and the normal form in which texts are compared.

The data are Python's own: categories, names, normal forms, case folding. Names never change, as Unicode promises, so
they tell the scripts for good.
"""

import re
from typing import Final
from unicodedata import category, combining, name, normalize

LETTER: Final = "a"
"""A letter or digit of a script that puts blanks between its words, or ``_``."""

UNSPACED: Final = "u"
"""A letter of a script that puts no blanks between its words, or, as Korean, not between all of them."""

MARK: Final = "m"
"""Belongs to the letter before it: an accent, a vowel sign."""

JOINT: Final = "j"
"""Parts the syllables of a word in Tibetan."""

INVISIBLE: Final = "i"
"""Says how a text is set, and is no part of it: a soft hyphen, a joiner, a variation selector, a mark of direction."""

OTHER: Final = " "

_UNSPACED_SCRIPTS: Final = (
    "CJK ",
    "IDEOGRAPHIC ",
    "VERTICAL IDEOGRAPHIC ",
    "HANGZHOU ",
    "HIRAGANA ",
    "HENTAIGANA ",
    "KATAKANA",
    "VERTICAL KANA ",
    "MASU ",
    "BOPOMOFO ",
    "HANGUL ",
    "YI ",
    "THAI ",
    "LAO ",
    "KHMER ",
    "MYANMAR ",
    "TIBETAN ",
    "TAI ",
    "NEW TAI ",
    "AHOM ",
    "JAVANESE ",
    "BALINESE ",
)
"""How the names of their letters begin."""

_INVISIBLE_NAMES: Final = (
    "VARIATION SELECTOR",
    "MONGOLIAN FREE VARIATION",
    "COMBINING GRAPHEME",
    "KHMER VOWEL INHERENT",
)
_TSHEG: Final = "\N{TIBETAN MARK INTERSYLLABIC TSHEG}"
_LETTERS_AND_DIGITS: Final = "LN"

_MOST_MARKS: Final = 30
"""Marks on one letter that count, as in Unicode's stream-safe text: sorting more of them takes time by the square."""

_UNSEEN = re.compile(f"{INVISIBLE}+")
_PILED = re.compile(f"(?<={MARK}{{{_MOST_MARKS}}}){MARK}+")


class _Kinds(dict[int, str]):
    """The kind of each character, by its number, determined on first use."""

    def __missing__(self, number: int) -> str:
        kind = _kind(chr(number))
        if kind != OTHER:  # so that it never holds more than what Unicode has
            self[number] = kind
        return kind


_KINDS = _Kinds()


def kinds_of(text: str) -> str:
    """The kind of each character of a text, one sign for each."""
    return text.translate(_KINDS)


def fold_text(text: str) -> str:
    """The text as it is compared: without what capitals, widths, ligatures and the ways to write an accent make of it.

    Compatible normal form and full case folding, without what can't be seen, and more than 30 marks on a letter.
    """
    if text.isascii():
        return text.lower()
    text = _without(_PILED, _without(_UNSEEN, text))
    small = normalize("NFKD", text).casefold()
    # The capitals of the Turkish ı and i are I and İ, those of all others' i is I: all four are one letter.
    return normalize("NFKC", small.replace("ı", "i").replace("i\N{COMBINING DOT ABOVE}", "i"))


def _without(pattern: re.Pattern[str], text: str) -> str:
    kinds = kinds_of(text)
    kept, end = [], 0
    for found in pattern.finditer(kinds):
        kept.append(text[end : found.start()])
        end = found.end()
    return text if not end else "".join((*kept, text[end:]))


def _kind(character: str) -> str:
    general, known_as = category(character), name(character, "")
    if general == "Cf" or known_as.startswith(_INVISIBLE_NAMES) or known_as.endswith(" FILLER"):
        return INVISIBLE
    # Also what is no mark by itself, but made of one, as a half-width sound mark.
    if general[0] == "M" or combining(normalize("NFKD", character)[0]):
        return MARK
    if character == _TSHEG:
        return JOINT
    if general[0] == "L" or general == "Nl":
        return UNSPACED if known_as.startswith(_UNSPACED_SCRIPTS) else LETTER
    return LETTER if general[0] == "N" or character == "_" else OTHER
