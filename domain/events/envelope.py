"""What every event carries, and what events of several aggregates say in the same form."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict


class After(TypedDict):
    """Where an event leaves the run. Said by every event but a step that leads to the next one: that says it itself."""

    status: str
    """A Snapshot's, or ``cancelled``."""
    spent: int
    last_started_at: int
    node_id: NotRequired[str]
    attempt: NotRequired[int]
    finished_at: NotRequired[int]
    queued: NotRequired[Literal[True]]
    """Whether it waits to be executed, and nobody has claimed it yet."""


class Recorded(TypedDict):
    """What every event carries. Values of any size come last in each event, so that its beginning tells the rest."""

    recorded_at: int
    """Microseconds since 1970 (UTC); never earlier than the stream's previous event."""
    by: str
    correlation_id: NotRequired[str]
    """The work order."""
    after: NotRequired[After]


class Distribution(TypedDict):
    """An installed distribution, as the packaging metadata names it."""

    name: str
    version: str


class LogLine(TypedDict):
    """One line: when (microseconds since 1970), how serious, what."""

    at: int
    level: str
    message: str
