"""Where the entries of a search are kept, and how far they go: what each backend implements."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import NamedTuple

from ...projections.search import SearchEntry


class Progress(NamedTuple):
    """How far the entries go: all that the log holds up to ``position``."""

    position: int
    generation: int
    """Grows when all entries are dropped, so that who began before notices."""


class SearchTable(ABC):
    """The entries, kept beside the events. Entries and progress move in one commit, or neither does."""

    @abstractmethod
    def progress(self) -> Progress:
        """How far the entries go now."""

    @abstractmethod
    def entries(self, run_ids: Collection[str]) -> dict[str, SearchEntry]:
        """The entries of those runs that have one, by run id; free to be changed."""

    @abstractmethod
    def save(self, since: Progress, position: int, entries: Collection[SearchEntry]) -> bool:
        """Keep the entries in place of those of the same runs, and move on to ``position``.

        False, and nothing is kept, when the progress isn't ``since`` any more: somebody else was faster.
        """

    @abstractmethod
    def clear(self) -> None:
        """Drop all entries, and begin anew."""
