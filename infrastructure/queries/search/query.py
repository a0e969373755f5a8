"""What to search for: words and filters, read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....domain.errors import InvalidRequest
from ....domain.expressions.language import Allowance
from ....projections.search import WordQuery, word_query
from .filters import Filter


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Runs that have all words, and values of which every filter is true."""

    words: WordQuery | None
    filters: Sequence[Filter]

    @property
    def asked(self) -> tuple[str, ...]:
        """What was asked for, as text: the same for the same search."""
        words = () if self.words is None else (*self.words.spaced, *self.words.unspaced)
        return (*words, *(one.source for one in self.filters))

    @property
    def words_are_certain(self) -> bool:
        """Whether what was indexed of a run tells for certain that it has the words."""
        return self.words is None or self.words.is_certain

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
    if len(filters) > MAX_FILTERS:
        raise InvalidRequest(f"{len(filters)} filters by value: {MAX_FILTERS} is the most")
    return SearchQuery(None if text is None else word_query(text), tuple(map(Filter, filters)))


MAX_FILTERS = 20
