"""What checking a store against an earlier checkpoint shows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

LossKind = Literal[
    "cut",
    "removed",
    "missing",
    "rewritten",
    "inserted",
    "reordered",
    "changed",
    "forked",
    "other",
    "signature",
    "stamp",
    "tree",
    "unknown",
]


class ConsistencyFinding(NamedTuple):
    """One thing that isn't as it was signed. ``stream`` is empty, and ``version`` 0, where it can't be told.

    ``cut``: the stream's newest events from this version on are gone. ``removed``: the whole stream is. ``missing``:
    an event within it is. ``rewritten``: the stream has other events from this version on. ``inserted``: an event lies
    among those that were signed, but wasn't. ``reordered``: the same events lie in another order, from this one on.
    ``changed``: an event isn't as it was written, by its own digest, or that of the event before. ``forked``: of two
    checkpoints one isn't a part of the other, so two histories were signed. ``other``: the checkpoint is of another
    store. ``signature``: it isn't signed by the key. ``stamp``: its time stamp is another's, or nobody's who is
    trusted. ``tree``: the kept tree isn't that of the events; ``flowledger rebuild`` makes it anew. ``unknown``: what
    the events are of has changed, and nothing that is left says where.
    """

    stream: str
    """Of which stream it is."""
    version: int
    """Of its first event that isn't as it was signed."""
    kind: LossKind
    """What happened to it."""
    message: str
    """The same in words."""


class TimeStamp(NamedTuple):
    """An authority's word that a checkpoint was there at a time (RFC 3161)."""

    at: datetime
    """When, by the authority's clock."""
    response: bytes
    """Its answer, as it is kept beside the checkpoint."""


@dataclass(frozen=True, slots=True)
class RemovedHistory:
    """What was removed under a retention policy: its leaves of the tree are kept, and were compared."""

    at: datetime
    """When the last of it went."""
    by: str
    """Who removed it."""
    runs: int
    """How many runs."""
    events: int
    """How many events they, their work orders and the workflows had."""
    archive: str | None
    """The folder where it was written before."""
    workflows: int = 0
    """How many workflows, with all their versions."""


class EndedHistory(NamedTuple):
    """A history that was signed and isn't gone on with, as a later checkpoint says, which is signed, too."""

    size: int
    """How many events of it were signed."""
    signed_at: datetime
    """When its end was signed."""
    reason: str
    """Why it has ended."""


@dataclass(frozen=True, slots=True)
class ConsistencyReport:
    """Whether the store still holds all that it held when a checkpoint was signed, unchanged."""

    origin: str
    """Whose log it is: the name of the key."""
    size: int
    """How many events the checkpoint is of; of several the largest."""
    events: int
    """How many events the store has now; 0 where the signature or the time stamp was enough to refuse it."""
    findings: tuple[ConsistencyFinding, ...]
    """Everything that is wrong."""
    ended: tuple[EndedHistory, ...] = ()
    """What was signed before, and has ended for a reason that was signed: the store isn't compared with that."""

    removed: tuple[RemovedHistory, ...] = ()
    """What isn't there any more, as policies and somebody decided: not among the findings, and for you to know."""

    stamped_at: datetime | None = None
    """When an authority has seen the checkpoint, by its time stamp; None where none was given, or it isn't good."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings
