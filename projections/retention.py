"""What a retention policy took away, or would."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from ..domain.retention import KeptReason, LegalHold
from ..domain.values.clock import moment


class KeptRuns(NamedTuple):
    """Runs that stay, and why."""

    reason: KeptReason
    """Why they stay."""
    message: str
    """The same in words."""
    work_orders: int
    """How many work orders."""
    runs: int
    """How many runs they have."""
    example: str
    """The id of one of the work orders."""


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What a policy took away, or, in a preview, would."""

    preview: bool
    """Whether nothing was changed."""
    runs: int
    """How many runs went."""
    work_orders: int
    """How many work orders, each with all its runs."""
    events: int
    """Those of the runs and their work orders."""
    bytes: int
    """How many bytes these events had."""
    kept: tuple[KeptRuns, ...]
    """All others that the policy is about, by the reason why they stay."""
    archive: Path | None
    """The folder that holds them now."""
    removal_id: str | None
    """Its record is the stream ``retention:<removal_id>``. None where nothing went."""
    returned_bytes: int
    """How many bytes went back to the disk. What didn't is used for what is appended next."""


@dataclass(frozen=True, slots=True)
class PlacedHold:
    """A legal hold: what it is on must stay until it is lifted."""

    kind: str
    """``run`` or ``subject``."""
    id: str
    """Of the run, or of the subject's key."""
    by: str
    """Who placed it."""
    reason: str
    """Why."""
    at: datetime
    """When."""


def placed_hold(hold: LegalHold) -> PlacedHold:
    """A hold as callers see it."""
    return PlacedHold(hold.target.kind, hold.target.id, hold.by, hold.reason, moment(hold.at))


def words_of(reason: KeptReason) -> str:
    """Why runs stay."""
    return _WORDS[reason]


_WORDS: Final[dict[KeptReason, str]] = {
    "open": "not all of their runs have ended",
    "status": "they ended in another way than the policy says",
    "young": "something has happened in them since",
    "newest": "they are among the newest that the policy keeps",
    "room": "they are among the newest for which there is room",
    "unarchivable": "their input was refused, so there is no run that could be archived",
    "held": "they are under a legal hold",
    "source": "runs that stay began with one of theirs",
    "changed": "something happened in them meanwhile",
}
