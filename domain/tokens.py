"""The making and the revoking of tokens, a stream of its own: what the audit trail tells of them.

The tokens themselves are rows of a table, which says who is let in: their digests and their last use have no place in a
log that is kept for ever.
"""

from dataclasses import dataclass
from typing import Final, NotRequired

from .events.envelope import Recorded
from .events.registry import Body, EventEntry, Registry, register
from .ports import NewEvent, RecordedEvent
from .values.clock import moment
from .values.roles import Role

TOKENS: Final = "tokens"
"""The name of the stream."""


class TokenMade(Recorded):
    """Somebody made a token."""

    name: str
    role: Role
    expires_at: NotRequired[int]
    """Absent: never."""


class TokenRevoked(Recorded):
    """Somebody took a token back."""

    name: str


MADE: Final = "tokens.made"
REVOKED: Final = "tokens.revoked"


@dataclass(slots=True)
class TokensRecord:
    """The fold of the stream: the table of tokens says all else."""

    id: str = TOKENS
    recorded_at: int = 0
    version: int = 0


def made(name: str, role: Role, expires_at: int | None, *, by: str, now: int) -> NewEvent:
    """A token was made."""
    expiry = {} if expires_at is None else {"expires_at": expires_at}
    return NewEvent(MADE, {"recorded_at": now, "by": by, "name": name, "role": role, **expiry})


def revoked(name: str, *, by: str, now: int) -> NewEvent:
    """The token of that name was taken back."""
    return NewEvent(REVOKED, {"recorded_at": now, "by": by, "name": name})


def change_nothing(_record: TokensRecord, _: Body) -> None:
    pass


def why_not(_: TokensRecord) -> str | None:
    return None


def describe_made(data: Body) -> str:
    until = f", until {moment(data['expires_at']).isoformat(timespec='minutes')}" if "expires_at" in data else ""
    return f"{data['name']}, {data['role']}{until}"


def describe_revoked(data: Body) -> str:
    name: str = data["name"]
    return name


def narrate_made(event: RecordedEvent) -> str:
    return f"made token {describe_made(event.data)}"


def narrate_revoked(event: RecordedEvent) -> str:
    return f"revoked token {event.data['name']}"


TOKEN_EVENTS: Final[Registry] = register(
    EventEntry(
        name=MADE,
        schema=TokenMade,
        aggregate="tokens",
        evolve=change_nothing,
        why_not=why_not,
        index="act",
        describe=describe_made,
        narrate=narrate_made,
        sign="+",
        tone="start",
    ),
    EventEntry(
        name=REVOKED,
        schema=TokenRevoked,
        aggregate="tokens",
        evolve=change_nothing,
        why_not=why_not,
        index="act",
        describe=describe_revoked,
        narrate=narrate_revoked,
        sign="×",
        tone="end",
    ),
)
