"""Rebuilding the index: what each backend implements."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from ...projections.index.changes import IndexChanges


class CatchUp(Protocol):
    """Takes in the events that arrived meanwhile; with ``settled``, none that a later commit could precede."""

    def __call__(self, *, settled: bool) -> None: ...


class IndexedBatch(NamedTuple):
    """The changes that a part of the log makes to the index; places are positions."""

    since: int
    """The position after which it begins."""
    upto: int
    events: int
    """How many of its events change rows."""
    changes: IndexChanges


class RebuiltByAnother(Exception):
    """Another process has finished the rebuild that this one took part in."""

    def __init__(self, events: int) -> None:
        super().__init__(f"the index was made anew from {events} events")
        self.events = events


class IndexRebuild(ABC):
    """Makes new index tables while others read and write the old ones, and swaps them in.

    A context manager: the new tables are dropped when it is left before ``swap``. Where other processes may take part,
    each method raises RebuiltByAnother once they are done.
    """

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    @abstractmethod
    def position(self) -> int:
        """The position up to which the new rows go; it moves back where another process started again."""

    @abstractmethod
    def put(self, page: IndexedBatch) -> int:
        """Change the new rows, unless others have moved the position. Returns the position to continue after."""

    @abstractmethod
    def swap(self, catch_up: CatchUp, revision: int) -> int:
        """Replace the old tables with the new ones. Writers wait while the last events are taken in.

        Returns how many events changed rows.
        """
