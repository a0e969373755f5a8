"""Keyset pagination of a list that grows at its head while it is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

from .history_beginning import HistoryBeginning

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Sequence[T], Generic[T]):
    """The items of one page and the cursor of the next. It is a sequence of its items.

    A page continues after the last item of the one before, so items that are added meanwhile shift nothing.
    """

    items: tuple[T, ...]
    next: str | None
    """The cursor to pass as ``after``; None: this is the last page."""
    behind: float | None = None
    """For how many seconds there have been events that a search doesn't know; 0: it knows all. None: no search."""
    begins: HistoryBeginning | None = None
    """From when on the list is whole, where it reaches back to what retention policies have removed. None: it is."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)
