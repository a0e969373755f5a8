"""A pane of lines with a cursor. Only the lines on screen are made, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..presentation.console import text


class Pane(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines to move through. Posts a message when its cursor moves, and when a line is chosen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"pane--cursor", "pane--cursor-elsewhere"}

    DEFAULT_CSS = """
    Pane {
        border: round $surface-lighten-2;
        border-title-color: $text-muted;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
    }
    Pane:focus { border: round $accent; border-title-color: $text; }
    Pane > .pane--cursor { background: $accent 50%; }
    Pane > .pane--cursor-elsewhere { background: $surface-lighten-2; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("up,k", "move(-1)"),
        ("down,j", "move(1)"),
        ("pageup", "turn(-1)"),
        ("pagedown", "turn(1)"),
        ("home,g", "home"),
        ("end,G", "end"),
        ("enter,space", "choose"),
    ]

    cursor: reactive[int] = reactive(0, init=False)

    class Moved(Message):
        """The cursor came to another line."""

        def __init__(self, pane: Pane, line: int) -> None:
            super().__init__()
            self.pane = pane
            self.line = line

    class Chosen(Message):
        """A line was clicked, or Enter was pressed on it."""

        def __init__(self, pane: Pane, line: int) -> None:
            super().__init__()
            self.pane = pane
            self.line = line

    class Ended(Message):
        """The key for the last line was pressed."""

        def __init__(self, pane: Pane) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, title: str, *, id: str, has_cursor: bool = True) -> None:
        super().__init__(id=id)
        self.set_title(title)
        self._has_cursor = has_cursor
        self._lines: Sequence[Text] = ()

    def set_title(self, title: str) -> None:
        """Set the title: text, in which nothing is markup."""
        self.border_title = text(title)

    def show(self, lines: Sequence[Text], cursor: int | None = None) -> None:
        """Show other lines; the cursor stays in its line, or goes to a given one."""
        self._lines = lines
        self._measure()
        with self.prevent(Pane.Moved):
            self.cursor = max(0, min(self.cursor if cursor is None else cursor, len(lines) - 1))
        self._scroll_to_cursor()
        self.refresh()

    def print_line(self, message: Text) -> None:
        """Show a message instead of lines."""
        self.show(list(message.wrap(self.app.console, max(self.scrollable_content_region.width, 1))))

    def render_line(self, y: int) -> Strip:
        """The line at a row of the pane."""
        place = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        base = self.rich_style
        if place >= len(self._lines):
            return Strip.blank(width, base)
        strip = Strip(self._lines[place].render(self.app.console)).crop_extend(0, width, None)
        if self._has_cursor and place == self.cursor:
            name = "pane--cursor" if self.has_focus else "pane--cursor-elsewhere"
            base += self.get_component_rich_style(name)
        return strip.apply_style(base)

    def watch_cursor(self) -> None:
        """The cursor is always on screen."""
        self._scroll_to_cursor()
        self.refresh()
        self.post_message(Pane.Moved(self, self.cursor))

    def action_move(self, lines: int) -> None:
        """Move the cursor by a number of lines."""
        self.cursor = max(0, min(self.cursor + lines, len(self._lines) - 1))

    def action_turn(self, pages: int) -> None:
        """Move the cursor by a number of pages."""
        self.action_move(pages * max(self.scrollable_content_region.height - 1, 1))

    def action_home(self) -> None:
        """To the first line."""
        self.cursor = 0

    def action_end(self) -> None:
        """To the last line."""
        self.action_move(len(self._lines))
        self.post_message(Pane.Ended(self))

    def action_choose(self) -> None:
        """Choose the line of the cursor."""
        self.post_message(Pane.Chosen(self, self.cursor))

    def on_click(self, event: Click) -> None:
        """Choose the line under the mouse."""
        offset = event.get_content_offset(self)
        if offset is not None and (place := self.scroll_offset.y + offset.y) < len(self._lines):
            self.cursor = place
            self.action_choose()

    def on_resize(self, _event: Resize) -> None:
        """The cursor stays on screen."""
        self._measure()
        self._scroll_to_cursor()

    def _measure(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines))

    def _scroll_to_cursor(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True, immediate=True)
