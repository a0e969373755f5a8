"""What to search for: words and filters, read once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...domain.errors import InvalidRequest
from ...domain.expressions.language import Allowance
from ...projections.search import prefixes
from .filters import Filter


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Runs that have a word for each prefix, and values of which every filter is true."""

    words: Sequence[str]
    filters: Sequence[Filter]

    @property
    def asked(self) -> tuple[str, ...]:
        """What was asked for, as text: the same for the same search."""
        return (*self.words, *(one.source for one in self.filters))

    def has_words(self, words: Collection[str]) -> bool:
        """Whether there is a word for each prefix."""
        return all(any(word.startswith(prefix) for word in words) for prefix in self.words)

    def is_met_by(self, document: Mapping[str, Any], allowance: Allowance) -> bool:
        """Whether every filter is true of the values. Raises InvalidRequest when the allowance is spent."""
        return all(one.matches(document, allowance) for one in self.filters)

    def may_miss(self, document: Mapping[str, Any]) -> bool:
        """Whether a filter reads of what was left out of the document."""
        return any(one.may_miss(document) for one in self.filters)


def search_query(text: str | None = None, where: str | Sequence[str] = ()) -> SearchQuery | None:
    """None where nothing is searched for. Raises InvalidRequest, with the place, for what can't be understood."""
    if text is None and not where and not isinstance(where, str):
        return None
    filters: tuple[Any, ...] = tuple(where) if isinstance(where, list | tuple) else (where,)
    if len(filters) > MOST_FILTERS:
        raise InvalidRequest(f"{len(filters)} filters by value: {MOST_FILTERS} is the most")
    words = () if text is None else tuple(prefixes(text))
    if len(words) > MOST_WORDS:
        raise InvalidRequest(f"{len(words)} words to search for: {MOST_WORDS} is the most")
    return SearchQuery(words, tuple(map(Filter, filters)))


MOST_FILTERS = 20
MOST_WORDS = 50
