"""Messages from work in the background to the application."""

from __future__ import annotations

from textual.message import Message

from ..presentation.console import text


class Found(Message):
    """A search came to an event."""

    def __init__(self, version: int) -> None:
        super().__init__()
        self.version = version


class Notice(Message):
    """A message for the user."""

    def __init__(self, message: str, style: str = "") -> None:
        super().__init__()
        self.message = text(message, style)


class RunGrew(Message):
    """The run has more events than before."""
