"""Rich's console with control characters escaped in every text; rich's own colours and movements pass."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from ....domain.visible import visible_lines


class EscapingConsole(Console):
    """Escapes control characters, wherever they stand: in lines, tables, titles, progress."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible_lines(segment.text))
