"""Who may use the pages and the API by a token."""

from dataclasses import dataclass, field
from datetime import datetime

from ..domain.values.roles import Role


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was made for somebody, or for a program. The store has no more of its secret than a digest."""

    name: str
    """The actor of what is done with it."""
    role: Role
    """The highest that it has."""
    made_by: str
    """The actor who made it."""
    made_at: datetime
    """When that was."""
    expires_at: datetime | None
    """None: never."""
    last_used_at: datetime | None
    """Within a minute; None: never."""
    revoked_by: str | None
    """Who took it back."""
    revoked_at: datetime | None
    """None: it wasn't taken back."""
    secret: str | None = field(default=None, repr=False, compare=False, metadata={"asked_for": True})
    """What its owner shows: only where it was made a moment ago."""
