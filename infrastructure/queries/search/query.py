"""A search query: words and filters, parsed once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....domain.expressions.language import Allowance
from ....projections.search import WordQuery, word_query
from .filters import Filter, parse_filters


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Selects runs that have all words, and for whose values every filter is true."""

    words: WordQuery | None
    filters: Sequence[Filter]
    text: str | None = None
    """The words as they were given: also a run of this idempotency key is found."""

    @property
    def asked(self) -> tuple[str, ...]:
        """The query as text: equal for equal queries."""
        words = () if self.text is None else (self.text,)
        return (*words, *(one.source for one in self.filters))

    @property
    def words_are_certain(self) -> bool:
        """Whether the indexed words of a run prove that it has the words."""
        return self.words is None or self.words.is_certain

    def is_met_by(self, document: Mapping[str, Any], allowance: Allowance) -> bool:
        """Whether every filter is true of the values. Raises InvalidRequest when the allowance is spent."""
        return all(one.matches(document, allowance) for one in self.filters)

    def may_miss(self, document: Mapping[str, Any]) -> bool:
        """Whether a filter reads a value that was left out of the document."""
        return any(one.may_miss(document) for one in self.filters)


def search_query(text: str | None = None, where: str | Sequence[str] = ()) -> SearchQuery | None:
    """Parse a query; None if nothing is searched for. Raises InvalidRequest, with the place, for a syntax error."""
    if text is None and not where and not isinstance(where, str):
        return None
    filters = parse_filters(where)
    return SearchQuery(None if text is None else word_query(text), filters, text)
