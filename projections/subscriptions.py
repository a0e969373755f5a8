"""Who follows the log under which name, and how far they have come."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SubscriptionStatus:
    """A subscription that keeps its position under a name."""

    name: str
    """What its followers call it."""
    position: int
    """Of the last event that was kept as done."""
    behind: int
    """How many events of the store lie behind that; the one that is worked on is one of them."""
    waiting_since: datetime | None
    """When the first of them was recorded; None where there is none, or it can't be read."""
    kept_at: datetime
    """When its position was kept last."""
    host: str | None
    """Where it is followed; None where nobody follows it."""
    pid: int | None
    """In which process."""
    lease_until: datetime | None
    """Up to when that is certain; the follower renews it while it lives."""
