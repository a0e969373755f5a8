"""What an erasure did, or would do."""

from dataclasses import dataclass
from datetime import datetime

from ..domain.status import RunStatus


@dataclass(frozen=True, slots=True)
class ErasedRun:
    """A run whose values were erased."""

    run_id: str
    workflow_id: str
    kind: str
    """``first``, ``retry``, ``reproduction`` or ``fork``, which loses what its source loses."""
    status: RunStatus
    values: int
    """How many values were sealed in it."""
    cancelled: bool
    """It hadn't ended, so it was cancelled: its data is gone."""


@dataclass(frozen=True, slots=True)
class ErasedPlace:
    """A place where values of the subject were, or could be."""

    place: str
    done: str
    """What became of it, or, for what is beyond the store's reach, what is left to do."""


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What an erasure did, or, with ``dry_run``, would do."""

    subject: str
    dry_run: bool
    erased_at: datetime | None
    """None in a dry run."""
    key_id: str
    """By which events name the subject: the stream of its erasure is ``subject:<key_id>``."""
    runs: tuple[ErasedRun, ...]
    work_orders: int
    events: int
    """How many events are sealed under its key."""
    values: int
    """How many values are sealed in them."""
    places: tuple[ErasedPlace, ...]
