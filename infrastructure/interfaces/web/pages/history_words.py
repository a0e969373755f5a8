"""The filters of History in words: one to each, to change or to take away, and all in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..rendering.words import capitalised

if TYPE_CHECKING:
    from ..rendering.clock import PageClock
    from .history_filters import HistoryFilters


@dataclass(frozen=True, slots=True)
class FilterWord:
    """One filter that is set: ``Workflow is **order-approval**``."""

    name: str
    """Of the parameter."""
    says: str
    value: str
    sentence: str
    """What it adds to the sentence: ``of {}``."""
    is_recorded: bool
    """Whether the value is a name or a value of the record, which is shown in another font."""


_WORDS: Final[dict[str, tuple[str, str, bool]]] = {
    "workflow": ("Workflow is", "of {}", True),
    "version": ("Version is", "on version {}", True),
    "status": ("Status is", "{}", False),
    "node": ("At node", "at node {}", True),
    "error": ("Error is", "with {}", True),
    "by": ("Started by", "started by {}", True),
    "since": ("Started since", "started since {}", False),
    "until": ("Started before", "started before {}", False),
    "due_before": ("Goes on before", "going on before {}", False),
    "as_of": ("As of", "as of {}", False),
    "text": ("Has", "with the words {}", True),
    "where": ("Where", "where {}", True),
    "failure": ("Failed as", "that failed as {}", True),
    "held": ("Held", "{}", False),
    "queued": ("Queued", "{}", False),
}

FIELDS: Final = tuple(_WORDS)
"""The names of all filters, in the order in which they are said."""


def filter_words(filters: HistoryFilters, clock: PageClock) -> tuple[FilterWord, ...]:
    """The filters that are set, in words."""
    return tuple(_word(name, filters, clock) for name in FIELDS if name in filters.asked)


def _word(name: str, filters: HistoryFilters, clock: PageClock) -> FilterWord:
    says, sentence, is_recorded = _WORDS[name]
    value = getattr(filters, name)
    if name == "status":
        said = " or ".join(filters.status)
        return FilterWord(name, says, " or ".join(map(capitalised, filters.status)), f"that are {said}", is_recorded)
    if name in ("held", "queued"):
        word = name if value else f"not {name}"
        return FilterWord(name, "Is" if value else "Isn’t", name, f"that are {word}", is_recorded)
    if name == "where":
        said = " and ".join(filters.where)
    elif name in ("since", "until", "due_before", "as_of"):
        said = clock.word(value)
    else:
        said = str(value)
    return FilterWord(name, says, said, sentence.format(said), is_recorded)
