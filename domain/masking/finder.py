"""Finds many forms in one text at once; the time hardly depends on how many there are."""

import re
from collections.abc import Iterator

from .decoding import layers
from .forms import ALWAYS_MASKED, Form

_WORD_BEGINS = re.compile(r"(?<!\w)(?=\S)")
_WORD_GOES_ON = re.compile(r"\w")

_VALUE_ENDS = re.compile(r"""[<>@]|[ \t]*(?:[,;)\]}"'`|&\r\n]|\Z)""")
"""What stands behind a value, as in ``pin=123, …`` and ``{"pin": "123"}``."""

_BEFORE_VALUES = frozenset("=,;([{\"'`|&?\r\n")
"""What stands before one, blanks aside. A colon does with a blank or a quote beside it, as in no host and no time; an
angle bracket without a blank, as in no comparison.
"""

_CUT = re.compile(r"\.{3,}|…")
"""Where the middle or the end of a text was left out, as reprs and pydantic's messages do."""

_MIN_CUT = 8
"""Characters of a secret's beginning or end that are masked where the rest is left out."""

_MAX_CUT = 128
"""Characters before and behind such a place that are looked at."""


class Finder:
    """The forms to look for. Each text is looked through once for each level of escapes in it."""

    __slots__ = ("_begins", "_ends", "_forms", "_lengths", "_short_lengths", "_values", "_words")

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._lengths: dict[str, tuple[int, ...]] = {}
        """First four characters → how long the forms are that begin so, longest first."""
        self._begins: dict[str, list[str]] = {}
        """First characters of long forms → what follows counts where the rest is left out."""
        self._ends: dict[str, list[str]] = {}
        self._values: set[str] = set()
        self._words: set[str] = set()
        self._short_lengths: tuple[int, ...] = ()
        """How long values and words are, longest first."""

    def add(self, form: Form) -> None:
        """Also look for this form."""
        text = form.text
        if form.kind in ("value", "word"):
            (self._words if form.kind == "word" else self._values).add(text)
            if len(text) not in self._short_lengths:
                self._short_lengths = tuple(sorted({*self._short_lengths, len(text)}, reverse=True))
        elif text not in self._forms:
            self._forms.add(text)
            start = text[:ALWAYS_MASKED]
            lengths = self._lengths.get(start, ())
            if len(text) not in lengths:
                self._lengths[start] = tuple(sorted({*lengths, len(text)}, reverse=True))
            if form.kind == "text" and len(text) > _MIN_CUT:
                self._begins.setdefault(text[:_MIN_CUT], []).append(text[:_MAX_CUT])
                self._ends.setdefault(text[-_MIN_CUT:], []).append(text[-_MAX_CUT:])

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the forms are, in order; what overlaps or touches is one."""
        found: list[tuple[int, int]] = []
        for layer in layers(text):
            if self._short_lengths:
                found += (layer.span(*place) for place in self._by_themselves(layer.text))
            folded = layer.folded()
            found += (folded.span(*place) for place in self._anywhere(folded.text))
            found += (folded.span(*place) for place in self._cut(folded.text))
        return _merge_spans(found)

    def _anywhere(self, text: str) -> Iterator[tuple[int, int]]:
        lengths_of, forms = self._lengths, self._forms
        for at in range(len(text) - ALWAYS_MASKED + 1):
            lengths = lengths_of.get(text[at : at + ALWAYS_MASKED])
            if lengths is not None:
                for length in lengths:
                    if text[at : at + length] in forms:
                        yield at, min(at + length, len(text))
                        break

    def _by_themselves(self, text: str) -> Iterator[tuple[int, int]]:
        for begin in _WORD_BEGINS.finditer(text):
            at = begin.start()
            for length in self._short_lengths:
                end = at + length
                found = text[at:end]
                if (found in self._words and not _WORD_GOES_ON.match(text, end)) or (
                    found in self._values and _VALUE_ENDS.match(text, end) and _is_begin_of_value(text, at, end)
                ):
                    yield at, min(end, len(text))
                    break

    def _cut(self, text: str) -> Iterator[tuple[int, int]]:
        """Beginnings and ends of forms whose rest was left out. What is between two such places is looked at once."""
        cuts = [cut.span() for cut in _CUT.finditer(text)] if self._begins else []
        behind = 0
        for number, (end, begin) in enumerate(cuts):
            for at in range(max(behind, end - _MAX_CUT), end - _MIN_CUT + 1):
                part = text[at:end]
                if any(form.startswith(part) for form in self._begins.get(part[:_MIN_CUT], ())):
                    yield at, end
                    break
            following = cuts[number + 1][0] if number + 1 < len(cuts) else len(text)
            for at in range(min(following, begin + _MAX_CUT), begin + _MIN_CUT - 1, -1):
                part = text[begin:at]
                if any(form.endswith(part) for form in self._ends.get(part[-_MIN_CUT:], ())):
                    yield begin, at
                    break
            behind = begin


def _is_begin_of_value(text: str, at: int, end: int) -> bool:
    before = at
    while before and text[before - 1] in " \t":
        before -= 1
    last = text[before - 1] if before else "\n"
    if text[end : end + 1] == "@":
        return last == ":" and before == at  # the password of a URL
    if last == ":":
        return before < at or text[max(before - 2, 0)] in "\"'"
    return last in _BEFORE_VALUES or (last in "<>" and before == at)


def _merge_spans(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((begin, end))
    return merged
