"""Filters of History saved under a name: saved, renamed, deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import QueryParams

from .....domain.errors import FlowledgerError, InvalidRequest, StorageError
from .....domain.views import View
from .....domain.visible import quoted
from ....ledger.ledger import views_of
from ..problems import problem_of
from ..rendering.renderer import clock_of
from .history_filters import HistoryFilters, read_filters
from .history_words import filter_words
from .page import Page, Redirect, Refused
from .query import check_names

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger
    from ..requests import Call


@dataclass(frozen=True, slots=True)
class SavedFilters:
    """Filters under a name."""

    name: str
    query: dict[str, list[str]]
    """Of the address of History."""
    by: str
    """Who saved them."""
    words: str | None = None
    """What they say; None where that isn't asked for, or they can't be read any more."""


@dataclass(frozen=True, slots=True)
class SavedFiltersPage:
    """All of them."""

    saved: tuple[SavedFilters, ...]
    fault: str | None
    """Why what was sent wasn't done."""


def saved_filters(ledger: Ledger) -> tuple[SavedFilters, ...]:
    """All of them, by their names."""
    return tuple(SavedFilters(view.name, parse_qs(view.query), view.by) for view in views_of(ledger).list())


def query_text(filters: HistoryFilters) -> str:
    """Filters, order and columns as they are saved: times that are told from now on stay so."""
    kept = {name: value for name, value in filters.query().items() if name != "limit"}
    return urlencode(sorted(kept.items()), doseq=True)


def load(call: Call, fault: str | None = None) -> SavedFiltersPage:
    """Raises InvalidRequest, StorageUnavailable."""
    check_names(call.query, ())
    return SavedFiltersPage(tuple(_in_words(call, view) for view in views_of(call.ledger).list()), fault)


def _in_words(call: Call, view: View) -> SavedFilters:
    try:
        words = [word.sentence for word in filter_words(read_filters(QueryParams(view.query)), clock_of(call))]
    except InvalidRequest:  # of another release
        return SavedFilters(view.name, parse_qs(view.query), view.by)
    return SavedFilters(view.name, parse_qs(view.query), view.by, ", ".join(words) or "all runs")


def act(call: Call) -> Redirect | Refused:
    """Save, rename, delete."""
    views, form = views_of(call.ledger), call.form
    name = form.get("name", "").strip()
    try:
        match form.get("do"):
            case "save":
                query = query_text(read_filters(QueryParams(form.get("query", ""))))
                views.save(name, query, by=call.by)
                return Redirect(call.links("history", **parse_qs(query)), f"Saved these filters as {name}.")
            case "rename":
                views.rename(name, form.get("to", "").strip(), by=call.by)
                return Redirect(call.links("saved_filters"), f"{name} is {form.get('to', '').strip()} now.")
            case "delete":
                views.delete(name, by=call.by)
                return Redirect(call.links("saved_filters"), f"Deleted the filters {name}.")
            case other:
                raise InvalidRequest(f"do {quoted(other)} is none of save, rename, delete")
    except StorageError:
        raise
    except FlowledgerError as error:
        return Refused(load(call, str(error)), problem_of(error).status)


def to_document(page: SavedFiltersPage) -> dict[str, Any]:
    """As data."""
    return {"filters": [{"name": each.name, "query": each.query, "by": each.by} for each in page.saved]}


PAGES: Final = (
    Page("/history/filters", "saved_filters", "viewer", load, "saved_filters.html", to_document, act, "operator"),
)
