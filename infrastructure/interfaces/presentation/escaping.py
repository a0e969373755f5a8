"""Rich's console, on which no text steers the terminal: rich's own colours and movements are no text."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from ....domain.visible import visible_lines


class ShowingConsole(Console):
    """Shows control characters as escapes, whatever they came in: lines, tables, titles, progress."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible_lines(segment.text))
