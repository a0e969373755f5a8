"""What an error page says."""

from dataclasses import dataclass
from typing import NamedTuple


class Way(NamedTuple):
    """Where somebody may go from here."""

    words: str
    url: str


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """An error, for ``error.html``."""

    status: int
    """The HTTP status."""
    title: str
    detail: str
    """What happened, where, what to do."""
    type: str | None = None
    """The name of the error in Python."""
    next: tuple[Way, ...] = ()
    sent: tuple[tuple[str, str], ...] = ()
    """Names and values of the form that couldn't be acted on now: it can be sent again."""
    unknown: str | None = None
    """An id that no run has: it can be searched for."""
