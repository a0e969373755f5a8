"""The channel through which an actor does something: the pages, the API, the command line.

It is said once, around the call, and not by every command: what is recorded meanwhile as an act of somebody has it.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_CHANNEL: Final[ContextVar[str | None]] = ContextVar("flowledger_channel", default=None)


@contextmanager
def acting_through(channel: str | None) -> Generator[None]:
    """What is done in the block is done through this channel; None: through none that is known."""
    token = _CHANNEL.set(channel)
    try:
        yield
    finally:
        _CHANNEL.reset(token)


def current_channel() -> str | None:
    """The channel of what is done now, in this thread or task."""
    return _CHANNEL.get()
