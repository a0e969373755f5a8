"""The keys that every event has, and types that events of several aggregates share."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict


class After(TypedDict):
    """Where an event leaves the run. Every event has it but a plain step, which leads to the next one."""

    status: str
    """A Snapshot's, or ``cancelled``."""
    spent: int
    last_started_at: int
    node_id: NotRequired[str]
    attempt: NotRequired[int]
    finished_at: NotRequired[int]
    queued: NotRequired[Literal[True]]
    """Whether it waits to be executed, and nobody has claimed it yet."""
    owner: NotRequired[str]
    """The worker that executes it; while it is held, whose step is still in flight."""
    held: NotRequired[Literal[True]]
    """Whether an operator holds it."""
    asked_version: NotRequired[int]
    """Of the run, at which it asked what is open."""
    asked_at: NotRequired[int]
    """When it asked that."""
    due_at: NotRequired[int]
    """When it goes on by itself."""
    until: NotRequired[int]
    """Of a run that is held while it waits: its deadline."""


class Recorded(TypedDict):
    """The keys of every event. Values of any size come last, so the beginning of an event is enough for a header."""

    recorded_at: int
    """Microseconds since 1970 (UTC); never earlier than the stream's previous event."""
    by: str
    channel: NotRequired[str]
    """Of what somebody did: through what, such as ``web``, ``api`` or ``cli``, where that is known."""
    correlation_id: NotRequired[str]
    """The work order."""
    after: NotRequired[After]
    sealed_by: NotRequired[list[str]]
    """Ids of the keys under which what is personal in the stream is sealed."""
    unreadable: NotRequired[str]
    """Never stored: what stands for sealed values that couldn't be read."""


class Keyed(Recorded):
    """What a command with an idempotency key leaves in its event."""

    key: NotRequired[str]
    """The caller's idempotency key."""
    request: NotRequired[str]
    """With a key: SHA-256 (hex) of what the command asked for."""


class Distribution(TypedDict):
    """An installed distribution, as the packaging metadata names it."""

    name: str
    version: str


class Worker(TypedDict):
    """Who executes runs: a worker, or a process whose own calls execute them."""

    id: str
    """New for each worker and each process; no other ever has it."""
    name: str
    host: str
    pid: int
    release: str
    """Of what it runs: an application's own, or of flowledger."""


class LogLine(TypedDict):
    """One line: when (microseconds since 1970), how serious, what."""

    at: int
    level: str
    message: str
