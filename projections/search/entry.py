"""One run as a search knows it, kept up to date event by event."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...domain.run import STARTED, STEP_COMPLETED
from .document import Document
from .words import add_words, all_words, texts_in


def is_searched(type: str) -> bool:
    """Whether events of this type are searched: those of runs."""
    return type.startswith("run.")


class SearchEntry:
    """Words and document of one run. ``started_at``: microseconds since 1970; ``position``: that of its first event."""

    __slots__ = ("_document", "_size", "position", "run_id", "started_at", "words")

    def __init__(
        self, run_id: str, started_at: int, position: int,
        words: set[str] | None = None, content: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
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
        """Take in the run's next event."""
        self._size = add_words(self.words, self._size, text_of(self.run_id, type, data))
        take_values(self._document, type, data)


def words_of(run_id: str, events: Iterable[tuple[str, Mapping[str, Any]]]) -> set[str]:
    """All words of a run, however many they are, from the types and bodies of its events."""
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
        document.merge(data.get("metadata", {}))
        if (edited := data.get("edited")) is not None:
            document.put(edited.get("output"), "output", edited["node_id"])
    elif "metadata" in data:
        document.merge(data["metadata"])


def text_of(run_id: str, type: str, data: Mapping[str, Any]) -> str:
    """What can be found of an event: ids, actor, reason, error, log lines, and the values it brings, as one text."""
    return "\n".join(_texts(run_id, type, data))


def _texts(run_id: str, type: str, data: Mapping[str, Any]) -> Iterator[str]:
    yield data["by"]
    if type == STARTED:
        yield run_id
        yield data.get("correlation_id", "")
        yield data["workflow_id"]
    for key in ("node_id", "reason"):
        if key in data:
            yield data[key]
    if "error" in data:
        yield data["error"]["type"]
        yield data["error"]["message"]
    for line in data.get("logs", ()):
        yield line["message"]
    for values in (data, data.get("edited", {})):
        for key in ("payload", "output", "metadata"):
            if key in values:
                yield from texts_in(values[key])
