"""A worker as the store knows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ...domain.values.clock import moment


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker, or a process whose own calls execute runs."""

    id: str
    name: str
    host: str
    """The machine on which it runs."""
    pid: int
    """Its process there."""
    release: str
    """Of the application, as the environment variable FLOWLEDGER_RELEASE says it; else of flowledger."""
    started_at: datetime
    """Its first heartbeat."""
    last_seen: datetime
    """Its last one."""
    lease_until: datetime
    """Until then nobody takes its runs."""
    is_alive: bool
    """Whether that is still to come."""
    is_worker: bool
    """False for a process that executes nothing but what its own calls begin."""
    running: tuple[str, ...]
    """The ids of its runs."""
    concurrency: int | None
    """How many runs it executes at once."""
    limits: Mapping[str, int]
    """By node type: how many steps at once."""
    workflows: tuple[str, ...] | None
    """The workflows whose runs it takes; None: all."""
    lacking: Mapping[str, str]
    """Versions of workflows, written ``workflow@version``, whose runs it leaves to others, and why."""


class WorkerRecord(Protocol):
    """What the store keeps of a worker. Times are microseconds since 1970."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def release(self) -> str: ...
    @property
    def started_at(self) -> int: ...
    @property
    def seen_at(self) -> int: ...
    @property
    def lease_until(self) -> int: ...
    @property
    def concurrency(self) -> int | None: ...


def worker_status(row: WorkerRecord, details: Mapping[str, Any], running: Sequence[str], now: int) -> WorkerStatus:
    """``details``: what the worker says of itself; ``now``: microseconds since 1970."""
    workflows = details.get("workflows")
    return WorkerStatus(
        row.id,
        row.name,
        row.host,
        row.pid,
        row.release,
        moment(row.started_at),
        moment(row.seen_at),
        moment(row.lease_until),
        row.lease_until >= now,
        "worker" in details,
        tuple(running),
        row.concurrency,
        details.get("limits", {}),
        None if workflows is None else tuple(workflows),
        details.get("lacking", {}),
    )
