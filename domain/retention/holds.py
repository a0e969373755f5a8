"""Legal holds: what must stay, whatever a policy or an erasure says, until somebody lifts the hold.

One stream has all of them. It names runs, and subjects by the ids of their keys: names of people are in no event.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

LEGAL_HOLDS: Final = "legal-holds"
"""The name of the stream."""

HoldKind = Literal["run", "subject"]


class HoldTarget(NamedTuple):
    """What is held."""

    kind: HoldKind
    id: str
    """Of the run, or of the subject's key."""


class LegalHold(NamedTuple):
    """A hold: who placed it, why, and when (microseconds since 1970)."""

    target: HoldTarget
    by: str
    reason: str
    at: int


@dataclass(slots=True)
class LegalHolds:
    """The fold of the stream."""

    id: str = LEGAL_HOLDS
    holds: dict[HoldTarget, LegalHold] = field(default_factory=dict[HoldTarget, LegalHold])
    recorded_at: int = 0
    version: int = 0
