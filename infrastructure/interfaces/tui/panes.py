"""The four panes of a walk: the events, the state, what an event changed, and the graph."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from functools import partial
from typing import Any

from rich.text import Text
from textual.events import Resize

from ....domain.errors import FlowledgerError
from ....domain.run.snapshot import shallow_data
from ....domain.values.json import render_path
from ....domain.workflow import WorkflowSnapshot
from ....projections.comparison.events import StateChange
from ...services.history.walk import RunWalk
from ..presentation.console import text
from ..presentation.documents import event_document
from ..presentation.graph import Piece
from .lines import LazyLines, event_line, graph_line, graph_lines, line_of_node, row_line
from .outline import Outline, OutlineRow, Path
from .pane import Pane

UNREADABLE = "bold red"
SIGNS = {"add": "+ ", "replace": "~ ", "remove": "- "}
"""The sign before a change."""


class VersionPane(Pane):
    """Shows something of a run at one version."""

    def __init__(self, walk: RunWalk, title: str, *, id: str, has_cursor: bool = True) -> None:
        super().__init__(title, id=id, has_cursor=has_cursor)
        self._walk = walk
        self._version = 1

    def show_version(self, version: int) -> None:
        """Show a version; an error in place of what can't be read of it."""
        self._version = version
        self.reload()

    def reload(self) -> None:
        """Show the version again."""
        try:
            self.load()
        except FlowledgerError as error:
            self.print_line(text(error, UNREADABLE, None))

    def load(self) -> None:
        """Read and show what the pane has to show at the version."""
        raise NotImplementedError

    def document(self) -> tuple[str, Any]:
        """What it shows, by name and as JSON."""
        raise NotImplementedError


class EventsPane(VersionPane):
    """All events of the run, the cursor on that of the version."""

    def __init__(self, walk: RunWalk) -> None:
        super().__init__(walk, "events", id="events")

    def load(self) -> None:
        digits = len(str(self._walk.head))
        lines = LazyLines(lambda: self._walk.head, lambda place: self._line(place + 1, digits))
        self.show(lines, self._version - 1)

    def _line(self, version: int, digits: int) -> Text:
        try:
            return event_line(self._walk.event(version), digits)
        except FlowledgerError as error:
            return Text.assemble(f"{version:>{digits}}  ", text(error, UNREADABLE))

    def document(self) -> tuple[str, Any]:
        return f"event {self._version}", event_document(self._walk.event(self._version))


class OutlinePane(VersionPane):
    """A pane of values that fold."""

    def __init__(self, walk: RunWalk, title: str, outline: Outline, *, id: str) -> None:
        super().__init__(walk, title, id=id)
        self._outline = outline
        self._rows: Sequence[OutlineRow] = ()

    def on_pane_chosen(self, chosen: Pane.Chosen) -> None:
        """Fold or unfold."""
        chosen.stop()
        if chosen.line < len(self._rows) and self._rows[chosen.line].unfolded is not None:
            self._outline.toggle(self._rows[chosen.line].path)
            self.reload()

    def show_values(self, roots: Iterable[tuple[Hashable, str, Any]], changed: Collection[Path]) -> None:
        """Show values, given by key, label and value, with what has changed among them."""
        self._rows = rows = self._outline.rows(roots)
        self.show(LazyLines(lambda: len(rows), lambda place: row_line(rows[place], changed)))


class StatePane(OutlinePane):
    """The Snapshot at the version; what its event changed is highlighted."""

    def __init__(self, walk: RunWalk) -> None:
        super().__init__(walk, "state", Outline(("context",)), id="state")

    def load(self) -> None:
        snapshot = self._walk.snapshot(self._version)
        self.set_title(f"state at version {self._version}")
        changed = {
            change.path[:depth]
            for change in (self._walk.changes(self._version) if self._version > 1 else ())
            for depth in range(1, len(change.path) + 1)
        }
        self.show_values(((key, key, value) for key, value in shallow_data(snapshot).items()), changed)

    def document(self) -> tuple[str, Any]:
        return f"the state at version {self._version}", self._walk.snapshot(self._version).to_data()


class ChangesPane(OutlinePane):
    """What the event of the version changed, and the event itself."""

    def __init__(self, walk: RunWalk) -> None:
        super().__init__(walk, "changes", Outline(), id="changes")

    def load(self) -> None:
        event = self._walk.event(self._version)
        self.set_title(f"what {event.type.partition('.')[2]} {self._version} changed")
        changes = self._walk.changes(self._version)
        shown = [(change.pointer, _label(change), change) for change in changes if change.path != ("version",)]
        self.show_values([*shown, ("event", "event", event.data)], set())

    def document(self) -> tuple[str, Any]:
        patch = [change.to_data() for change in self._walk.changes(self._version)]
        return f"what event {self._version} changed", patch


def _label(change: StateChange) -> str:
    return SIGNS[change.op] + render_path(change.path).removeprefix(".")


class GraphPane(VersionPane):
    """The definition, the current node marked."""

    def __init__(self, walk: RunWalk, workflow: WorkflowSnapshot) -> None:
        super().__init__(walk, f"{workflow.workflow_id}@{workflow.version}", id="graph", has_cursor=False)
        self._definition = workflow.definition
        self._drawn: list[list[Piece]] = []

    def on_resize(self, event: Resize) -> None:
        """Break the rows again."""
        super().on_resize(event)
        self._drawn = graph_lines(self._definition, self.scrollable_content_region.width)
        self.reload()

    def load(self) -> None:
        snapshot = self._walk.snapshot(self._version)
        made = partial(graph_line, current=snapshot.current_node_id, context=snapshot.context)
        lines = LazyLines(lambda: len(self._drawn), lambda place: made(self._drawn[place]))
        self.show(lines, line_of_node(snapshot.current_node_id, self._drawn))

    def document(self) -> tuple[str, Any]:
        return "the definition", self._definition.to_data()
