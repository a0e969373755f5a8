"""What a retention policy took away, or would."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from ..domain.retention import KeptReason, LegalHold, WorkflowKeptReason
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


class KeptWorkflows(NamedTuple):
    """Workflows that stay, and why."""

    reason: WorkflowKeptReason
    """Why they stay."""
    message: str
    """The same in words."""
    workflows: int
    """How many."""
    example: str
    """The id of one of them."""


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
    """Those of the runs, their work orders and the workflows."""
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
    workflows: int = 0
    """How many archived workflows went, each with all its versions."""
    kept_workflows: tuple[KeptWorkflows, ...] = ()
    """All others, where the policy is about workflows, by the reason why they stay."""


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


def words_of_workflows(reason: WorkflowKeptReason) -> str:
    """Why workflows stay."""
    return _WORDS_OF_WORKFLOWS[reason]


_WORDS: Final[dict[KeptReason, str]] = {
    "open": "not all of their runs have ended",
    "status": "they ended in another way than the policy says",
    "young": "something has happened in them since",
    "newest": "they are among the newest that the policy keeps",
    "room": "they are among the newest for which there is room",
    "unarchivable": "their input was refused, so there is no run that could be archived",
    "sealed": "they belong to subjects, and nobody could erase what Parquet files hold of them",
    "held": "they are under a legal hold",
    "source": "runs that stay began with one of theirs",
    "changed": "something happened in them meanwhile",
}

_WORDS_OF_WORKFLOWS: Final[dict[WorkflowKeptReason, str]] = {
    "current": "they aren't archived",
    "used": "work orders that stay are of one of their versions",
    "young": "something has happened to them since",
    "changed": "something happened to them meanwhile",
}
