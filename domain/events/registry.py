"""What there is to know about a type of event, in one entry: what it is, what it does, and how it is told.

A new type is one entry in the registry of its aggregate, and the functions that the entry names. Whatever deals with
all types (the fold, the index, the audit trail, the command line, imports) reads the entries: no other table has them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import IllegalTransition
from ..ports import RecordedEvent
from .catalogue import Upcaster, event_type

Body = Mapping[str, Any]

Aggregate = Literal[
    "run", "work_order", "workflow", "bulk", "bulks", "tokens", "views", "access", "subject", "retention", "legal_hold"
]

IndexEffect = Literal[
    "none",
    "noted",
    "act",
    "run started",
    "run moved",
    "work order opened",
    "work order rejected",
    "run added",
    "workflow saved",
    "workflow archived",
    "workflow restored",
    "workflow released",
]
"""What an event does to the rows that lists read; ``projections/index`` does it. ``noted``: the list of acts, and when
its run was last active; ``act``: the list of acts alone."""


Tone = Literal["start", "success", "wait", "again", "failure", "end", "quiet"]


@dataclass(frozen=True, kw_only=True)
class EventEntry:
    """One type of event."""

    name: str
    """Stored with each event, so it is for ever: never renamed, never used again."""
    schema: type[Any]
    """The TypedDict of the body."""
    aggregate: Aggregate
    """Whose stream it stands in. Its name begins with this."""
    evolve: Callable[[Any, Body], None]
    """Changes the aggregate's state in place."""
    why_not: Callable[[Any], str | None]
    """Why the event may not follow in an aggregate in this state, told by an import; None where it may."""
    index: IndexEffect
    describe: Callable[[Body], str]
    """The body in one line, in lists of events."""
    narrate: Callable[[RecordedEvent], str] | None
    """The sentence in the audit trail, which begins behind the actor's name; None for what no actor decided."""
    sign: str
    """One character before the event in lists of a run's events."""
    tone: Tone
    """What colour says about it."""
    claims: bool = False
    """It takes hold of a run: of two callers one is refused, whatever else was appended."""
    by_operator: bool = False
    """It may be appended to a run while a worker holds it. Any other event means that another worker took over."""
    version: int = 1
    """Of the schema."""
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict[int, Upcaster])
    """Schema version → what makes the body of the next one, for each version before today's."""


Registry = Mapping[str, EventEntry]
"""The entries by name."""


def register(*entries: EventEntry) -> Registry:
    """The entries by name; their types are then in the catalogue, too. Raises InvalidRequest for a schema at fault."""
    for entry in entries:
        event_type(entry.name, entry.schema, version=entry.version, upcasters=entry.upcasters)
    return {entry.name: entry for entry in entries}


def check_may_follow(events: Registry, state: Any, type: str) -> None:
    """Raises IllegalTransition where an event of this type can't come next in an aggregate of this registry."""
    entry = events.get(type)
    refusal = f"no {type!r} belongs there" if entry is None else entry.why_not(state)
    if refusal is not None:
        raise IllegalTransition(refusal)
