"""Queries for lists of steps and of failures. Times are microseconds since 1970 (UTC)."""

from dataclasses import dataclass

from ..index.query import Place
from ..runs.attempts import AttemptOutcome


@dataclass(frozen=True, slots=True)
class StepQuery:
    """Each condition that isn't None must hold."""

    workflow_id: str | None = None
    node: str | None = None
    status: tuple[AttemptOutcome, ...] = ()
    """Any of these; none: whatever it is."""
    error_type: str | None = None
    longer_than: int | None = None
    """Microseconds inside the executor."""
    since: int | None = None
    until: int | None = None
    """When the attempt began: from ``since`` on, and before ``until``."""
    before: Place | None = None


@dataclass(frozen=True, slots=True)
class FailureQuery:
    """The same of groups of failures. ``since`` and ``until``: when they failed."""

    workflow_id: str | None = None
    node: str | None = None
    error_type: str | None = None
    since: int | None = None
    until: int | None = None
    retried: bool = False
    """Also failures by which the run didn't end."""
    before: Place | None = None
    """Of groups the place is: how many failures, and the fingerprint."""
