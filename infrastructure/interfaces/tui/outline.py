"""A JSON value as lines that fold. A large value stays folded, and is only read when it is unfolded."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ....domain.run.context import Context, Results
from ....domain.run.results import NodeResult, raw_data
from ....domain.values.brief import brief
from ....projections.comparison.events import StateChange

TEXT = 60
"""Characters of a text on one line; a longer text folds, and so does one of several lines."""
RANGE = 100
"""Items of a list that unfold at once; a longer list unfolds into ranges, and these into ranges again."""

Path = tuple[Hashable, ...]


class OutlineRow(NamedTuple):
    """One line of an outline."""

    path: Path
    """Keys, indexes, and ranges of indexes, from the outside in: it identifies the row."""
    label: str
    value: Any
    unfolded: bool | None
    """None where there is nothing to unfold."""

    @property
    def depth(self) -> int:
        """Levels above it."""
        return len(self.path) - 1

    @property
    def place(self) -> Path:
        """The path in the value, without ranges."""
        return tuple(part for part in self.path if not isinstance(part, range))


class Items(Sequence[Any]):
    """A range of a long list."""

    def __init__(self, items: Sequence[Any], places: range) -> None:
        self.items = items
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        return self.items[self.places[index]]


class Outline:
    """Which parts of a value are unfolded; remembered by their paths while the value changes."""

    def __init__(self, *unfolded: Path) -> None:
        self._unfolded: set[Path] = set(unfolded)

    def toggle(self, path: Path) -> None:
        """Fold what is unfolded, unfold what is folded."""
        self._unfolded ^= {path}

    def rows(self, roots: Iterable[tuple[Hashable, str, Any]]) -> list[OutlineRow]:
        """The lines of some values, given by key, label and value."""
        return list(self._rows((), roots))

    def _rows(self, above: Path, parts: Iterable[tuple[Hashable, str, Any]]) -> Iterator[OutlineRow]:
        for key, label, value in parts:
            path = (*above, key)
            unfolded = (path in self._unfolded) if _is_foldable(value) else None
            yield OutlineRow(path, label, value, unfolded)
            if unfolded:
                yield from self._rows(path, _children(value))


def one_line(value: Any) -> str:
    """A value in one line."""
    match value:
        case _Line():
            return value
        case Context():
            return f"{len(value):,} node{'s' * (len(value) != 1)}"
        case Results() if not value:
            return "no results"
        case Results():
            last = brief(raw_data(value[-1]))
            return last if len(value) == 1 else f"{len(value):,} results, last {last}"
        case NodeResult():
            return brief(raw_data(value))
        case Items():
            return ""
        case StateChange(op="replace"):
            return f"{brief(value.before)} → {brief(value.value)}"
        case StateChange(op="remove"):
            return brief(value.before)
        case StateChange():
            return one_line(value.value)
        case _:
            return brief(value)


def _is_foldable(value: Any) -> bool:
    match value:
        case str():
            return len(value) > TEXT or "\n" in value
        case StateChange():
            return value.op != "remove" and _is_foldable(value.value)
        case NodeResult():
            return True
        case Mapping() | Sequence():
            return len(value) > 0
        case _:
            return False


def _children(value: Any) -> Iterable[tuple[Hashable, str, Any]]:
    match value:
        case str():
            return ((place, "", _Line(line)) for place, line in enumerate(_lines(value)))
        case StateChange():
            return _children(value.value)
        case NodeResult():
            return _children(raw_data(value))
        case Mapping():
            return ((key, key, item) for key, item in value.items())
        case Items():
            return _items(value.items, value.places)
        case _:
            return _items(value, range(len(value)))


def _items(items: Sequence[Any], places: range) -> Iterator[tuple[Hashable, str, Any]]:
    size = RANGE
    while size * RANGE < len(places):
        size *= RANGE
    if len(places) <= RANGE:
        yield from ((place, str(place), items[place]) for place in places)
        return
    for start in range(places.start, places.stop, size):
        part = range(start, min(start + size, places.stop))
        yield part, f"{part.start:,} … {part.stop - 1:,}", Items(items, part)


class _Line(str):
    """A line of an unfolded text, which folds no further and is shown as it is."""

    __slots__ = ()


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from (line[at : at + TEXT] for at in range(0, max(len(line), 1), TEXT))
