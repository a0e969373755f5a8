"""Which runs a page of a bulk action is about: those that were picked, or all that match the filters of History."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import QueryParams

from ...rendering.renderer import clock_of
from ..history_filters import HistoryFilters, read_filters
from ..history_words import FIELDS, FilterWord, filter_words
from ..query import texts

if TYPE_CHECKING:
    from ...requests import Call

PICK: Final = "pick"
"""The parameter with the id of a run that was picked."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The runs."""

    picked: tuple[str, ...]
    """Ids; empty where all are meant that match."""
    filters: HistoryFilters
    words: tuple[FilterWord, ...]
    """The filters in words."""

    def arguments(self) -> dict[str, Any]:
        """The runs as ``ledger.bulk`` takes them."""
        if self.picked:
            return {"runs": self.picked}
        return {"matching": {name: value for name, value in self.filters.of_runs().items() if value not in (None, ())}}

    @property
    def query(self) -> dict[str, Any]:
        """The query of an address that means the same runs."""
        return {PICK: self.picked} if self.picked else self.of_history

    @property
    def of_history(self) -> dict[str, Any]:
        """The query of History that lists what matches."""
        return {name: value for name, value in self.filters.query().items() if name in FIELDS}


def read_selection(call: Call, query: QueryParams) -> Selection:
    """Raises InvalidRequest for a filter that can't be read."""
    filters = read_filters(QueryParams([(name, value) for name, value in query.multi_items() if name in FIELDS]))
    return Selection(texts(query, PICK), filters, filter_words(filters, clock_of(call)))


def stored_selection(call: Call, stored: Mapping[str, Any]) -> Selection:
    """The filters that an action has kept."""
    pairs: list[tuple[str, str]] = []
    for name, value in stored.items():
        word = _NAMES.get(name, name)
        if word in FIELDS:
            pairs += [(word, _text(each)) for each in (value if isinstance(value, list) else [value])]
    return read_selection(call, QueryParams(pairs))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, datetime) else str(value)


_NAMES: Final = {"workflow_id": "workflow", "error_type": "error"}
"""Filters that History calls otherwise."""
