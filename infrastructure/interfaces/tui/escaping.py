"""Textual's output with control characters escaped in every text."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from ....domain.visible import visible_lines


class EscapingFilter(LineFilter):
    """Escapes control characters, in whatever widget, border or message they are about to be drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - textual's name for it
        return [
            segment if segment.control else segment._replace(text=visible_lines(segment.text)) for segment in segments
        ]


ESCAPING = EscapingFilter()
