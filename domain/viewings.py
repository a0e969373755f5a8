"""Who looked at what, where a host asks for that to be on record: a stream for each thing that is looked at."""

from dataclasses import dataclass
from typing import Final, Literal

from .events.envelope import Recorded
from .events.registry import Body, EventEntry, Registry, register
from .ports import NewEvent, RecordedEvent

Subject = Literal["run", "workflow", "bulk action", "list"]

LONGEST_ADDRESS: Final = 1_000
"""Characters that are kept of one."""


class Viewed(Recorded):
    """Somebody was shown something."""

    subject: Subject
    id: str
    """Of that; of a list its name."""
    address: str
    """The path below the prefix, and the query: which step, value or version of it."""


VIEWED: Final = "access.viewed"


@dataclass(slots=True)
class Viewings:
    """The fold of a stream: nothing follows from what was seen."""

    id: str
    recorded_at: int = 0
    version: int = 0


def viewed_stream(subject: Subject, id: str) -> str:
    """The stream of who looked at a thing: ``access:run:ID``."""
    return f"access:{subject}:{id}"


def viewed(subject: Subject, id: str, address: str, *, by: str, now: int) -> NewEvent:
    """Somebody was shown this."""
    told = address if len(address) <= LONGEST_ADDRESS else f"{address[:LONGEST_ADDRESS]}…"
    return NewEvent(VIEWED, {"recorded_at": now, "by": by, "subject": subject, "id": id, "address": told})


def change_nothing(_: Viewings, _body: Body) -> None:
    pass


def why_not(_: Viewings) -> str | None:
    return None


def describe_viewed(data: Body) -> str:
    return f"{data['subject']} {data['id']} at {data['address']}"


def narrate_viewed(event: RecordedEvent) -> str:
    return f"looked at {describe_viewed(event.data)}"


ACCESS_EVENTS: Final[Registry] = register(
    EventEntry(
        name=VIEWED,
        schema=Viewed,
        aggregate="access",
        evolve=change_nothing,
        why_not=why_not,
        index="act",
        describe=describe_viewed,
        narrate=narrate_viewed,
        sign="·",
        tone="quiet",
    )
)
