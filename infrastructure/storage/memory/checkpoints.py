"""Checkpoints in memory."""

from collections.abc import Iterator, Mapping
from threading import Lock

from ...concurrency.forking import ResetOnFork, register_for_forks


class MemoryCheckpoints(ResetOnFork):
    """Implements ``domain.ports.CheckpointStore`` in memory."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pages: dict[str, dict[int, tuple[int, bytes]]] = {}
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self._lock = Lock()  # its holder isn't in the child

    def save(self, stream: str, fold_revision: int, pages: Mapping[int, bytes]) -> None:
        with self._lock:
            kept = self._pages.setdefault(stream, {})
            kept.update((version, (fold_revision, content)) for version, content in pages.items())

    def pages(self, stream: str, upto: int | None, fold_revision: int) -> Iterator[tuple[int, bytes]]:
        with self._lock:
            kept = sorted(self._pages.get(stream, {}).items())
        return (
            (version, content)
            for version, (revision, content) in kept
            if revision == fold_revision and (upto is None or version <= upto)
        )

    def streams(self, fold_revision: int) -> Iterator[str]:
        with self._lock:
            return iter(
                sorted(
                    stream
                    for stream, kept in self._pages.items()
                    if any(revision == fold_revision for revision, _ in kept.values())
                )
            )

    def clear(self) -> None:
        with self._lock:
            self._pages.clear()
