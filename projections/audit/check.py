"""What checking an audit or a report that was filed has shown."""

from dataclasses import dataclass
from typing import Any, Literal

from ...domain.events.integrity import Finding


@dataclass(frozen=True, slots=True)
class AuditDifference:
    """One thing that was filed and isn't what the store says."""

    place: str
    """In an audit, by JSON Pointer; of a report, what the digest is of."""
    filed: Any
    """What was filed."""
    stored: Any
    """What the store says; None where it says nothing of it."""


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """Whether what was filed of a run is what the store says of it at that version."""

    kind: Literal["audit", "report"]
    """What was filed."""
    run_id: str
    """The run that it is of."""
    version: int
    """The run's, that it is of."""
    digest_fits: bool
    """Whether its own digest is that of the rest of it: else the file was changed."""
    events_fit: bool
    """Whether the events in the store are as they were written."""
    differences: tuple[AuditDifference, ...]
    """What isn't what the store says."""
    findings: tuple[Finding, ...]
    """What is wrong with the events in the store."""
    uncompared: tuple[str, ...]
    """What was filed and couldn't be compared, as this store doesn't hold it, and why."""
    proof_holds: bool | None
    """Whether the proof in it is signed by the key, and of the events that the audit is of; None: there is none."""
    proof: str | None
    """The same in words."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.digest_fits and self.events_fit and not self.differences and self.proof_holds is not False
