"""Two texts as lines with signs and numbers, what differs within a line marked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, NamedTuple

from markupsafe import Markup, escape

from .....domain.visible import visible_lines
from .....projections.comparison.alignment import Block, align
from .....projections.comparison.text import CONTEXT


class DiffLine(NamedTuple):
    """A line of one of the texts, or of both."""

    kind: Literal["alike", "add", "del", "hunk"]
    """``hunk``: lines that are alike were left out here."""
    old: int | None
    """The number of the line in the text before, …"""
    new: int | None
    """… and in the text after, from 1."""
    text: Markup


Pair = tuple[DiffLine | None, DiffLine | None]


@dataclass(frozen=True, slots=True)
class TextDiff:
    """What differs between two texts."""

    lines: tuple[DiffLine, ...]
    added: int
    removed: int

    @property
    def pairs(self) -> Iterator[Pair]:
        """The lines side by side: what was there, and what is."""
        removed: list[DiffLine] = []
        added: list[DiffLine] = []
        for line in (*self.lines, None):
            if line is not None and line.kind in ("add", "del"):
                (added if line.kind == "add" else removed).append(line)
                continue
            yield from zip_longest(removed, added)
            removed, added = [], []
            if line is not None:
                yield line, line


def text_diff(before: str, after: str) -> TextDiff:
    """The lines that differ, with a few around them."""
    old, new = (visible_lines(text).rstrip("\n").split("\n") for text in (before, after))
    lines = [line for block in align(old, new) for line in _lines(block, old, new)]
    return TextDiff(
        tuple(_without_far(lines)),
        sum(line.kind == "add" for line in lines),
        sum(line.kind == "del" for line in lines),
    )


def _lines(block: Block, old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    if block.alike:
        for place in range(block.i2 - block.i1):
            yield DiffLine("alike", block.i1 + place + 1, block.j1 + place + 1, _plain(old[block.i1 + place]))
        return
    before, after = old[block.i1 : block.i2], new[block.j1 : block.j2]
    pairs = [_marked(*pair) for pair in zip(before, after, strict=False)]
    for place, line in enumerate(before):
        text = pairs[place][0] if place < len(pairs) else _plain(line)
        yield DiffLine("del", block.i1 + place + 1, None, text)
    for place, line in enumerate(after):
        text = pairs[place][1] if place < len(pairs) else _plain(line)
        yield DiffLine("add", None, block.j1 + place + 1, text)


def _plain(line: str) -> Markup:
    return Markup(escape(line))  # noqa: S704 - escaped


def _marked(before: str, after: str) -> tuple[Markup, Markup]:
    """Both lines, what stands between their common beginning and end marked; plain where little is common."""
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    if 2 * (start + end) < shorter:
        return _plain(before), _plain(after)
    return _mark("del", before, start, end), _mark("ins", after, start, end)


def _mark(tag: Literal["del", "ins"], line: str, start: int, end: int) -> Markup:
    middle = line[start : len(line) - end]
    marked = Markup("<{tag}>{text}</{tag}>").format(tag=tag, text=middle) if middle else ""
    return Markup("{}{}{}").format(line[:start], marked, line[len(line) - end :])


def _without_far(lines: Sequence[DiffLine]) -> Iterator[DiffLine]:
    """The lines near to those that differ; a ``hunk`` where others were left out."""
    near: set[int] = set()
    for number, line in enumerate(lines):
        if line.kind != "alike":
            near.update(range(number - CONTEXT, number + CONTEXT + 1))
    left_out = False
    for number, line in enumerate(lines):
        if number in near:
            if left_out:
                yield DiffLine("hunk", None, None, Markup())
            left_out = False
            yield line
        else:
            left_out = True
