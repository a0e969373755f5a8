"""Rebuilding the index: what each backend implements."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from ...projections.index.changes import IndexChanges


class CatchUp(Protocol):
    """Brings in the events that came meanwhile; where ``settled``, none that could be overtaken by others."""

    def __call__(self, *, settled: bool) -> None: ...


class IndexedBatch(NamedTuple):
    """What a stretch of the log does to the index; places are positions."""

    since: int
    """The position behind which it begins."""
    upto: int
    events: int
    """How many of its events move rows."""
    changes: IndexChanges


class RebuiltByAnother(Exception):
    """Others have ended the rebuild that this one took part in: the index is made anew."""

    def __init__(self, events: int) -> None:
        super().__init__(f"the index was made anew from {events} events")
        self.events = events


class IndexRebuild(ABC):
    """Makes the index anew in tables beside it, while others read and write the old ones, and puts them in its place.

    A context manager: what it has made goes when it is left before ``swap``. Where others may take part, each method
    raises RebuiltByAnother once they are done.
    """

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    @abstractmethod
    def position(self) -> int:
        """How far the new rows go: the position to go on behind, further back than before where others began anew."""

    @abstractmethod
    def put(self, page: IndexedBatch) -> int:
        """Change the new rows, unless others are elsewhere by now. Returns the position to go on behind."""

    @abstractmethod
    def swap(self, catch_up: CatchUp, revision: int) -> int:
        """Put the new tables in place of the old ones. Nobody writes while the last events are brought in.

        Returns how many events moved rows.
        """
