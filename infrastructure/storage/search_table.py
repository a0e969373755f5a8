"""The tables of search entries, steps and failures, and how far they go: what each backend implements."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...projections.search import SearchEntry
from ...projections.steps.rows import NO_STEPS, StepRows

if TYPE_CHECKING:
    from .recorder import EventRow

NO_REVISION = -1
"""The revision where the row with the progress is missing."""


class Progress(NamedTuple):
    """How far the entries go: they cover the log up to ``position``."""

    position: int
    generation: int
    """Grows when all entries are dropped, and when progress is rewound, so that a batch begun before fails."""
    revision: int
    """Of the code that made the entries."""
    last_stream: str | None = None
    """Of the event at ``position``; None where nothing was read, "" where it was rewound to before an event."""
    last_version: int | None = None
    """Of that event; where it was rewound, the position from which."""

    @property
    def is_rewound(self) -> bool:
        """Whether an event arrived at an earlier position, and the events after that are read again.

        Then there may be no event at its position, and entries may include later events.
        """
        return self.last_stream == ""

    def advanced_to(self, last: "EventRow") -> "Progress":
        """The progress after a batch that ends with this event."""
        if self.is_rewound and last.position < (self.last_version or 0):
            return self._replace(position=last.position)
        return self._replace(position=last.position, last_stream=last.stream, last_version=last.version)


class SearchTable(ABC):
    """Entries and steps, stored beside the events. They and the progress change in one commit, or none of them does."""

    @abstractmethod
    def progress(self) -> Progress:
        """How far the entries go now; with NO_REVISION where that isn't stored."""

    @abstractmethod
    def entries(self, run_ids: Collection[str]) -> dict[str, SearchEntry]:
        """The entries of those runs that have one, by run id; the caller may change them."""

    @abstractmethod
    def documents(self, run_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """The documents of those runs that have an entry, by run id."""

    @abstractmethod
    def save(
        self,
        since: Progress,
        page: "Sequence[EventRow]",
        entries: Collection[SearchEntry],
        steps: StepRows = NO_STEPS,
    ) -> bool:
        """Store entries in place of those of the same runs, and steps, and advance to the last event of a batch.

        False, and nothing is stored, when the progress isn't ``since`` any more, as another process was faster; when
        the batch lacks an event that has arrived meanwhile; and when it has some that were removed meanwhile. Raises
        NotStorable for an entry that can't be stored.
        """

    @abstractmethod
    def can_hold(self, entries: Collection[SearchEntry] = (), steps: StepRows = NO_STEPS) -> bool:
        """Whether they can be stored at all; changes nothing."""

    @abstractmethod
    def restart(self, revision: int) -> None:
        """Drop all entries and steps, and start again with those of this revision."""
