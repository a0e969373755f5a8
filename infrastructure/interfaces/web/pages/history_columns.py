"""The columns of History that somebody chose or sorts by, and what a search has found of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .....projections.runs.summary import RunSummary
    from .....projections.search.matches import Match

SORTS: Final = {
    "-started": "the newest first",
    "started": "the oldest first",
    "-activity": "the last activity first",
    "activity": "the longest silent first",
    "-duration": "the longest first",
    "duration": "the shortest first",
    "-ended": "those that ended last first",
    "ended": "those that ended first first",
}
"""The orders, in words."""

USUAL: Final = "-started"


@dataclass(frozen=True, slots=True)
class SortedColumn:
    """A head of the table that sorts the list."""

    says: str
    sort: str | None
    """The order to which its link leads."""
    sorted: str | None
    """``ascending`` or ``descending``, where the list is sorted by it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A place of a run at which a word was found: the text in three parts, the second of which is the word."""

    place: str
    before: str
    word: str
    behind: str
    query: dict[str, Any]
    """Of the run's page: where to look at it."""


def sorted_columns(sort: str) -> dict[str, SortedColumn]:
    """The heads by the keys of orders, of a list in this order. A second click turns it round."""
    return {key: _column(says, key, sort) for key, says in _HEADS.items()}


_HEADS: Final = {"started": "Started", "activity": "Last activity", "duration": "Took"}


def _column(says: str, key: str, sort: str) -> SortedColumn:
    if sort.removeprefix("-") != key:
        return SortedColumn(says, f"-{key}", None)
    is_descending = sort.startswith("-")
    return SortedColumn(says, key if is_descending else f"-{key}", "descending" if is_descending else "ascending")


def shown_value(value: Any) -> str:
    """A value of a column, in a few characters."""
    if value is None:
        return "–"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST: Final = 40


def found_in(run: RunSummary) -> Iterator[Found]:
    """What the search has found of a run, the place of each word."""
    for match in run.matches or ():
        yield _found(match)


def _found(match: Match) -> Found:
    start = match.text.casefold().find(match.word.casefold())
    end = start + len(match.word)
    if start < 0 or len(match.text.casefold()) != len(match.text):  # letters that are more than one when folded
        start = end = len(match.text)
    query = {"step": match.node_id, "version": match.version}
    return Found(match.place, match.text[:start], match.text[start:end], match.text[end:], query)
