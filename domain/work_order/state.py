"""What the events of a work order fold into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..values.used_keys import UsedKey


class RunEntry(NamedTuple):
    """A run as it was entered: who asked for it, and when (microseconds since 1970)."""

    kind: str
    """``first``, ``retry``, ``reproduction`` or ``fork``."""
    by: str
    at: int


class KeyedRun(NamedTuple):
    """A key, and what its command led to."""

    used: UsedKey
    run_id: str | None
    """None: the input was refused."""


@dataclass(slots=True)
class WorkOrderState:
    """The fold of a work order's events; ``evolve`` changes it in place."""

    id: str
    workflow_id: str = ""
    by: str = ""
    opened_at: int = 0
    runs: list[str] = field(default_factory=list[str])
    """The first run and its retries, oldest first: the last one tells the state."""
    reproductions: list[str] = field(default_factory=list[str])
    forks: list[str] = field(default_factory=list[str])
    entries: dict[str, RunEntry] = field(default_factory=dict[str, RunEntry])
    """All of its runs, by id, in the order in which they were entered."""
    keys: dict[tuple[str, str], KeyedRun] = field(default_factory=dict[tuple[str, str], KeyedRun])
    """By the id that the key was given for, a run's or the work order's, and the key."""
    rejected: Mapping[str, Any] | None = None
    """The body of the last rejection, for as long as there is no run."""
    key: str | None = None
    payload_digest: str | None = None
    sealed_by: Sequence[str] = ()
    """Ids of the keys under which its values, and those of its runs, are sealed."""
    unreadable: str | None = None
    """What stands for its values where they can't be read."""
    recorded_at: int = 0
    version: int = 0

    @property
    def last_run_id(self) -> str | None:
        """The run that tells the state."""
        return self.runs[-1] if self.runs else None
