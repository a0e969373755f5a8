"""The parts of an audit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...domain.events.integrity import Finding
from ...domain.run.waits import Answer
from ...domain.status import RunStatus
from ..runs.reused_results import ReusedResult
from ..serialization import ADDED


@dataclass(frozen=True, slots=True)
class AuditedWorkflow:
    """The definition that the run used, as it was saved."""

    workflow_id: str
    version: int
    snapshot_id: str
    name: str | None
    by: str
    saved_at: datetime
    message: str | None
    digest: str
    """SHA-256 (hex) of the definition."""
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditedRun:
    """A run of the same work order, as it stood."""

    run_id: str
    kind: str
    """``first``, or ``retry``, ``reproduction``, ``fork``."""
    by: str
    added_at: datetime
    status: RunStatus


@dataclass(frozen=True, slots=True)
class AuditedWorkOrder:
    """The request that the run works on, with all its runs, oldest first."""

    work_order_id: str
    by: str
    opened_at: datetime
    runs: tuple[AuditedRun, ...]


@dataclass(frozen=True, slots=True)
class Intervention:
    """What happened to the run besides its steps: a resume, a retry, an operator's pause, a cancellation, …"""

    version: int
    position: int
    type: str
    """The event's: ``run.resumed``, ``run.cancelled``, …"""
    at: datetime
    by: str
    reason: str | None
    payload: Any
    metadata: Mapping[str, Any] | None
    """What was merged into the run's metadata; null removed its key."""
    channel: str | None = field(default=None, metadata=ADDED)
    """Through what: ``web``, ``api``, ``cli``; None where that isn't on record."""


@dataclass(frozen=True, slots=True)
class AuditedGlobal:
    """A global that the run's nodes were given: which value it had, without the value."""

    name: str
    """As it was given: what expressions and executors call it."""
    fingerprint: str | None
    """HMAC-SHA-256 of the value under a key of the store, 16 hexadecimal digits: equal for equal values of the name.
    """
    key_id: str | None
    """Of that key. Fingerprints under different keys can't be compared."""
    why_none: str | None
    """Why there is no fingerprint."""


@dataclass(frozen=True, slots=True)
class AuditedClaim:
    """Who executed the run from one of its events on."""

    version: int
    """Of the event: the first, or one with which the run was claimed, resumed, retried or recovered."""
    at: datetime
    worker_id: str
    """No other worker and no other process ever has it."""
    name: str
    """The worker's; of a process without one, its host and number."""
    host: str
    pid: int
    release: str
    """What was running there: the application's, where it says so, or flowledger's."""
    globals: tuple[AuditedGlobal, ...] = field(default=(), metadata=ADDED)
    """Which globals the run's nodes were given, by name."""


@dataclass(frozen=True, slots=True)
class AuditedPause:
    """A pause, and how it ended."""

    version: int
    at: datetime
    node_id: str | None
    """The node that asked for it; None: an operator did."""
    by: str
    reason: str | None
    until: datetime | None
    ended_version: int | None
    """Of the event that ended it; None: it hadn't ended."""
    ended_at: datetime | None
    ended_by: str | None
    outcome: str | None
    """``resumed`` or ``cancelled``."""
    payload: Any
    """What it was resumed with."""
    duration: float | None
    """Milliseconds."""
    answer: Mapping[str, Any] | None = field(default=None, metadata=ADDED)
    """The JSON Schema that an answer had to fit."""
    timed_out: bool = field(default=False, metadata=ADDED)
    """Whether nobody answered, and the deadline did."""


@dataclass(frozen=True, slots=True)
class AuditedOrigin:
    """The run that this one retries, reproduces or branches from; or the snapshot from elsewhere that it adopted."""

    kind: str
    run_id: str | None
    """None: of an adoption."""
    version: int
    """This run began with the results that the source had after so many events; 0: with none. Of an adoption: the
    snapshot's version.
    """
    reused: tuple[ReusedResult, ...]
    edited: Mapping[str, Any] | None
    """What a fork put in place of its source's last result: ``node_id``, ``output``, ``handle``, ``next_node_id``."""
    asks_again: bool = field(default=False, metadata=ADDED)
    """Whether a fork asks what its source had asked anew, as the question has changed since."""
    given_answer: Answer | None = field(default=None, metadata=ADDED)
    """What a retry took over of what the source was answered."""


@dataclass(frozen=True, slots=True)
class SinceSuccess:
    """What changed in the workflow between its last successful run before this one, and this one."""

    run_id: str
    workflow_version: int
    finished_at: datetime
    changes: Mapping[str, Any] | None
    """The difference between the two versions of the workflow; None: both runs used the same one."""
    other_code: tuple[str, ...]
    """Node types whose code differed when the two runs began, whatever was saved."""
    summary: str
    """The same in words, a line each."""
    other_globals: tuple[str, ...] = field(default=(), metadata=ADDED)
    """Names of globals that had another value, or that only one of the two runs was given."""
    unknown_globals: tuple[str, ...] = field(default=(), metadata=ADDED)
    """Names of globals of which nobody can say that: one of the two has no fingerprint, or they are under other keys.
    """


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """Where in the store a part of the audit comes from."""

    stream: str
    first_version: int
    last_version: int
    first_position: int
    last_position: int
    events: int
    digest: str
    """SHA-256 (hex) of the last event: it depends on every event of the stream up to there."""
    checked: bool
    """Whether the hash chain was checked from the first event to the last; of a workflow, only the save's link."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The streams that the audit was read from, and whether their records are as they were written."""

    streams: tuple[StreamRecord, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with the events that were checked."""
        return not self.findings
