"""The lines of the panes of a walk. Control characters in stored texts are escaped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, Generic, TypeVar, overload

from rich.text import Text

from ....domain.event_registry import EVENTS
from ....domain.events.registry import Tone
from ....domain.ports import RecordedEvent
from ....domain.run.context import Context
from ....domain.workflow.definition import WorkflowDefinition
from ..presentation.console import clock_time, text
from ..presentation.events import describe_event
from ..presentation.graph import Piece, pieces
from .outline import OutlineRow, Path, one_line

_Line = TypeVar("_Line")

STYLES: Final[Mapping[Tone, str]] = {
    "start": "cyan",
    "success": "green",
    "wait": "yellow",
    "again": "magenta",
    "failure": "red",
    "end": "bold red",
    "quiet": "dim",
}

MARK = "»«"
"""Around the current node."""


class LazyLines(Sequence[_Line], Generic[_Line]):
    """Lines that are made when they are read."""

    def __init__(self, count: Callable[[], int], make: Callable[[int], _Line]) -> None:
        self._count = count
        self._make = make

    def __len__(self) -> int:
        return self._count()

    @overload
    def __getitem__(self, index: int) -> _Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[_Line]: ...
    def __getitem__(self, index: int | slice) -> _Line | list[_Line]:
        if isinstance(index, slice):
            return [self._make(place) for place in range(*index.indices(len(self)))]
        return self._make(index)


def event_line(event: RecordedEvent, digits: int) -> Text:
    """An event of a run in one line, after its version in this number of digits."""
    entry = EVENTS.get(event.type)
    sign, style = ("·", "") if entry is None else (entry.sign, STYLES[entry.tone])
    attempt = event.data.get("attempt", 1)
    node = event.data.get("node_id", "") + (f" #{attempt}" if attempt > 1 else "")
    return Text.assemble(
        f"{event.version:>{digits}}  ",
        (clock_time(event.recorded_at)[11:23], "dim"),
        f"  {sign} ",
        text(event.type.partition(".")[2], style),
        "  ",
        text(node, "bold"),
        "  " if node else "",
        text(describe_event(event)),
    )


def row_line(row: OutlineRow, changed: Collection[Path] = ()) -> Text:
    """A row of an outline; what an event has changed is highlighted."""
    fold = "  " if row.unfolded is None else "▾ " if row.unfolded else "▸ "
    label = text(row.label, "bold yellow" if row.place in changed else "bold")
    shown = text(one_line(row.value)) if not row.unfolded else Text()
    return Text.assemble("  " * row.depth, fold, label, "  " if row.label else "", shown)


def graph_lines(definition: WorkflowDefinition, width: int) -> list[list[Piece]]:
    """The drawing of a definition, its rows broken between nodes where they and a mark are wider than this."""
    return [line for row in pieces(definition) for line in _break_row(row, width - len(MARK))]


def _break_row(row: Sequence[Piece], width: int) -> Iterator[list[Piece]]:
    indent = Piece(" " * (len(row[0].text) + 2))
    line: list[Piece] = [row[0]]
    room = width - len(row[0].text)
    # An arrow stays with the node after it.
    for part in _group_nodes(row[1:]):
        size = sum(len(piece.text) for piece in part)
        if size > room and len(line) > 1:
            yield line
            line, room = [indent], width - len(indent.text)
        line += part
        room -= size
    yield line


def _group_nodes(row: Iterable[Piece]) -> Iterator[list[Piece]]:
    part: list[Piece] = []
    for piece in row:
        part.append(piece)
        if piece.node_id is not None:
            yield part
            part = []
    if part:
        yield part


def graph_line(line: Iterable[Piece], current: str | None, context: Context) -> Text:
    """A line of the drawing: »the current node« marked, those that produced something in green, or red for errors."""
    return Text.assemble(*(_draw_piece(piece, current, context) for piece in line))


def _draw_piece(piece: Piece, current: str | None, context: Context) -> Text:
    if piece.node_id is None:
        return text(piece.text, "dim", None)
    if piece.node_id == current:
        return text(piece.text.join(MARK), "bold reverse", None)
    if piece.node_id not in context:
        return text(piece.text, "", None)
    return text(piece.text, "green" if context[piece.node_id][-1].error is None else "red", None)


def line_of_node(node_id: str | None, lines: Sequence[Sequence[Piece]]) -> int | None:
    """The first line of the drawing that has the node; None if there is none."""
    return next((at for at, line in enumerate(lines) if any(piece.node_id == node_id for piece in line)), None)
