"""Where the entries of a search are kept, and how far they go: what each backend implements."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...projections.search import SearchEntry

if TYPE_CHECKING:
    from .recorder import EventRow

NO_REVISION = -1
"""The revision where the row is missing that says how far entries go."""


class Progress(NamedTuple):
    """How far the entries go: all that the log holds up to ``position``, as far as that can be believed."""

    position: int
    generation: int
    """Grows when all entries are dropped, and when progress is taken back, so that who began before notices."""
    revision: int
    """Of the code that made the entries."""
    last_stream: str | None = None
    """Of the event at ``position``; None where nothing was read, "" where it was taken back to before an event."""
    last_version: int | None = None
    """Of that event; where it was taken back, the position from which."""

    @property
    def is_rewound(self) -> bool:
        """Whether an event arrived behind it, and it reads anew what lies between.

        Then there need be no event at its position, and entries may hold events that lie behind that.
        """
        return self.last_stream == ""

    def advanced_to(self, last: "EventRow") -> "Progress":
        """The progress after a page that ends with this event."""
        if self.is_rewound and last.position < (self.last_version or 0):
            return self._replace(position=last.position)
        return self._replace(position=last.position, last_stream=last.stream, last_version=last.version)


class SearchTable(ABC):
    """The entries, kept beside the events. Entries and progress move in one commit, or neither does."""

    @abstractmethod
    def progress(self) -> Progress:
        """How far the entries go now. Of a revision that nobody makes where nothing says how far."""

    @abstractmethod
    def entries(self, run_ids: Collection[str]) -> dict[str, SearchEntry]:
        """The entries of those runs that have one, by run id; free to be changed."""

    @abstractmethod
    def save(self, since: Progress, page: "Sequence[EventRow]", entries: Collection[SearchEntry]) -> bool:
        """Keep the entries in place of those of the same runs, and move on behind the last event of a page.

        False, and nothing is kept, when the progress isn't ``since`` any more, as somebody else was faster, and when
        the page lacks an event that has arrived there meanwhile. Raises NotStorable for an entry that can't be kept.
        """

    @abstractmethod
    def can_hold(self, entry: SearchEntry) -> bool:
        """Whether an entry can be kept at all; nothing is changed."""

    @abstractmethod
    def restart(self, revision: int) -> None:
        """Drop all entries, and begin anew with entries of this revision."""
