"""The search entry of one run, updated event by event."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ...domain.run import STARTED, STEP_COMPLETED
from ..index.columns import row_time
from .document import Document
from .words import Word, add_words, all_words, texts_in

SEARCH_REVISION: Final = 2
"""Raise it with every change to the words or the document that events make, or to the rows of ``projections/steps``:
those of another revision are made anew."""


MISFITS: Final = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What is raised by a body that isn't that of its event's type."""


SEARCHED: Final = ("payload", "output", "trigger", "metadata")
"""The values of bodies whose words are found. Not ``input``: it is made of what other events brought."""


def new_entry(run_id: str, data: Mapping[str, Any], position: int) -> "SearchEntry":
    """The entry of a run that begins with an event of this body. Raises one of MISFITS."""
    return SearchEntry(run_id, row_time(data["recorded_at"]), position)


def is_searched(type: str) -> bool:
    """Whether events of this type are searched: those of runs."""
    return type.startswith("run.")


class SearchEntry:
    """Words and document of one run. ``started_at``: microseconds since 1970; ``position``: that of its first event."""

    __slots__ = ("_document", "_size", "position", "run_id", "started_at", "words")

    def __init__(
        self,
        run_id: str,
        started_at: int,
        position: int,
        words: set[str] | None = None,
        content: dict[str, Any] | None = None,
    ) -> None:
        self.run_id = run_id
        self.started_at = started_at
        self.position = position
        self.words = words if words is not None else set()
        self._size = sum(map(len, self.words))
        self._document = Document(content)

    @property
    def document(self) -> dict[str, Any]:
        """The values, as JSON."""
        return self._document.content

    def add(self, type: str, data: Mapping[str, Any]) -> None:
        """Take in the run's next event. Raises one of MISFITS where its body isn't that of its type."""
        self._size = add_words(self.words, self._size, text_of(self.run_id, type, data))
        take_values(self._document, type, data)


def words_of(run_id: str, events: Iterable[tuple[str, Mapping[str, Any]]]) -> set[Word]:
    """All words of a run, whole and however many they are, from the types and bodies of its events."""
    return {word for type, data in events for word in all_words(text_of(run_id, type, data))}


def document_of(events: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """The document of a run with nothing left out."""
    document = Document(bounded=False)
    for type, data in events:
        take_values(document, type, data)
    return document.content


def take_values(document: Document, type: str, data: Mapping[str, Any]) -> None:
    """Bring a document up to date with the run's next event."""
    if type == STEP_COMPLETED:
        document.put(data.get("output"), "output", data["node_id"])
    elif type == STARTED:
        document.put(data.get("payload"), "payload")
        adopted = data.get("adopted", {"context": {}})
        for node_id, results in adopted["context"].items():
            if results and "error" not in results[-1]:
                document.put(results[-1].get("output"), "output", node_id)
        document.merge(adopted.get("metadata", {}))
        document.merge(data.get("metadata", {}))
        if (edited := data.get("edited")) is not None:
            document.put(edited.get("output"), "output", edited["node_id"])
    elif "metadata" in data:
        document.merge(data["metadata"])


def text_of(run_id: str, type: str, data: Mapping[str, Any]) -> str:
    """What can be found of an event: ids, actor, reason, error, log lines, and the values it brings, as one text."""
    return "\n".join(_texts(run_id, type, data))


def _texts(run_id: str, type: str, data: Mapping[str, Any]) -> Iterator[str]:
    yield from texts_in(data.get("by"))
    if type == STARTED:
        yield run_id
        yield from texts_in([data.get("correlation_id"), data.get("workflow_id")])
    yield from texts_in([data.get("node_id"), data.get("reason")])
    if error := data.get("error"):
        yield from texts_in([error["type"], error["message"]])
    for line in data.get("logs", ()):
        yield from texts_in(line["message"])
    adopted = data.get("adopted", {})
    yield from texts_in([adopted.get("context"), adopted.get("metadata")])
    for values in (data, data.get("edited", {})):
        yield from texts_in([values.get(key) for key in SEARCHED])
