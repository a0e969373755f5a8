"""What a walk through a store found."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["changed", "link", "gap", "position", "time", "unknown_type", "unreadable"]


class Finding(NamedTuple):
    """One thing that is wrong.

    ``kind`` is ``changed`` (body, type or digest differ from what was written, though the event before is sound),
    ``link`` (doesn't continue from the event before, which has a finding itself), ``gap`` (versions are missing, or
    below 1), ``position`` (not above that of the event before), ``time`` (recorded before the event before),
    ``unknown_type``, or ``unreadable``.
    """

    stream: str
    version: int
    kind: Kind
    message: str


@dataclass(frozen=True)
class VerifyReport:
    """What a walk through the store found."""

    events: int
    streams: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings
