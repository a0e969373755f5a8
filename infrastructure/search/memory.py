"""Search entries in memory."""

from collections.abc import Collection
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from ...domain.jsonvalue import thaw
from ...projections.search import SearchEntry
from .table import Progress, SearchTable

if TYPE_CHECKING:
    from ..store.memory import MemoryRecorder


class _Kept(NamedTuple):
    started_at: int
    position: int
    words: frozenset[str]
    document: Any


class MemorySearch(SearchTable):
    """Entries in a dict."""

    def __init__(self, recorder: "MemoryRecorder") -> None:
        self._recorder = recorder
        self._lock = Lock()
        self._position = 0
        self._generation = 0
        self._entries: dict[str, _Kept] = {}

    def progress(self) -> Progress:
        with self._lock:
            return Progress(self._position, self._generation, self._recorder.max_notification_id() or 0)

    def entries(self, run_ids: Collection[str]) -> dict[str, SearchEntry]:
        with self._lock:
            kept = {run_id: self._entries[run_id] for run_id in run_ids if run_id in self._entries}
        return {
            run_id: SearchEntry(run_id, entry.started_at, entry.position, set(entry.words), thaw(entry.document))
            for run_id, entry in kept.items()
        }

    def save(self, since: Progress, position: int, entries: Collection[SearchEntry]) -> bool:
        with self._lock:
            if (self._position, self._generation) != (since.position, since.generation):
                return False
            self._position = position
            for entry in entries:
                words = frozenset(entry.words)
                self._entries[entry.run_id] = _Kept(entry.started_at, entry.position, words, entry.document)
            return True

    def clear(self) -> None:
        with self._lock:
            self._position = 0
            self._generation += 1
            self._entries.clear()

    def behind(self, position: int) -> tuple[str, int] | None:
        page = self._recorder.log_page(position)
        return (page[0].stream, page[0].version) if page else None
