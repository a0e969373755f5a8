"""What a search by words found of a run, and where: each text of an event by its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ...domain.run import STARTED
from .entry import SEARCHED
from .letters import fold_text
from .words import WordQuery, all_words

EXCERPT: Final = 120
"""Characters of a text that a match shows, around what was found."""


@dataclass(frozen=True, slots=True)
class Match:
    """A word that was searched for, and the first place of a run where it was found."""

    word: str
    """As it is compared: without capitals and accents' ways."""
    place: str
    """``id``, ``work_order_id``, ``workflow_id``, ``by``, ``node``, ``reason``, ``error``, ``log``,
    ``idempotency_key``, or the way to a value, such as ``payload.customer`` or ``output["score"].value``."""
    text: str
    """The text there, or the part of it around the word."""
    node_id: str | None = None
    """The node whose step brought it."""
    version: int | None = None
    """Of the event that brought it; None for a key, which the work order has."""


class PlacedText(NamedTuple):
    """A text of an event."""

    place: str
    text: str


def placed_texts(run_id: str, type: str, data: Mapping[str, Any]) -> Iterator[PlacedText]:
    """All texts of an event that are searched, by their places. Raises one of MISFITS."""
    yield from _texts_at("by", data.get("by"))
    if type == STARTED:
        yield PlacedText("id", run_id)
        yield from _texts_at("work_order_id", data.get("correlation_id"))
        yield from _texts_at("workflow_id", data.get("workflow_id"))
    yield from _texts_at("node", data.get("node_id"))
    yield from _texts_at("reason", data.get("reason"))
    if error := data.get("error"):
        yield from _texts_at("error", [error["type"], error["message"]], is_list=False)
    for line in data.get("logs", ()):
        yield from _texts_at("log", line["message"])
    adopted = data.get("adopted", {})
    yield from _texts_at("context", adopted.get("context"))
    yield from _texts_at("metadata", adopted.get("metadata"))
    for values in (data, data.get("edited", {})):
        for name in SEARCHED:
            place = f"{name}[{_quoted(values['node_id'])}]" if name == "output" and "node_id" in values else name
            yield from _texts_at(place, values.get(name))


def _texts_at(place: str, value: Any, *, is_list: bool = True) -> Iterator[PlacedText]:
    left = [(place, value)]
    while left:
        place, value = left.pop()
        kind = type(value)
        if kind is str:
            yield PlacedText(place, value)
        elif kind is int or kind is float:
            yield PlacedText(place, str(value))
        elif isinstance(value, Mapping):
            left += reversed([(f"{place}{_step(key)}", item) for key, item in value.items()])
        elif isinstance(value, list):
            left += reversed([(f"{place}[{at}]" if is_list else place, item) for at, item in enumerate(value)])


def _step(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"[{_quoted(key)}]"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Finder:
    """Looks for the words of a query in the events of one run, one event after the other."""

    def __init__(self, query: WordQuery) -> None:
        self._left: dict[tuple[str, bool], None] = dict.fromkeys(
            [*((word, False) for word in query.spaced), *((word, True) for word in query.unspaced)]
        )
        self.found: list[Match] = []

    @property
    def is_done(self) -> bool:
        """Whether every word has its place."""
        return not self._left

    def look(self, run_id: str, type: str, version: int, data: Mapping[str, Any]) -> None:
        """Look into the run's next event. Raises one of MISFITS where its body isn't that of its type."""
        for place, text in placed_texts(run_id, type, data):
            if self.is_done:
                return
            words = list(all_words(text))
            for wanted, is_unspaced in tuple(self._left):
                if any(
                    is_unspaced == word.is_unspaced
                    and (wanted in word.text if is_unspaced else word.text.startswith(wanted))
                    for word in words
                ):
                    del self._left[wanted, is_unspaced]
                    shown = excerpt(text, wanted)
                    self.found.append(Match(wanted, place, shown, data.get("node_id"), version))


def excerpt(text: str, word: str) -> str:
    """The part of a text around a word, with ``…`` where something was left out."""
    if len(text) <= EXCERPT:
        return text
    at = max(fold_text(text).find(word), 0)  # folding may move it by some characters
    begin = min(max(0, at - EXCERPT // 3), len(text) - EXCERPT)
    return f"{'…' if begin else ''}{text[begin : begin + EXCERPT]}{'…' if begin + EXCERPT < len(text) else ''}"
