"""What a walk through a store found."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal[
    "changed", "link", "gap", "position", "time", "unknown_type", "unreadable", "odd",
    "reference", "index", "checkpoint", "search",
    "cut", "lost", "rewritten",
]  # fmt: skip

OF_THE_LOG: frozenset[Kind] = frozenset({"changed", "link", "gap", "unknown_type", "unreadable"})
"""What makes the events of a stream say something else than was written."""


class Finding(NamedTuple):
    """One thing that is wrong. ``stream`` is empty, and ``version`` 0, where it concerns no stream alone.

    ``kind`` is, of an event by itself: ``changed`` (body, type or digest differ from what was written, though the event
    before is sound), ``link`` (doesn't continue from the event before, which has a finding itself), ``gap`` (versions
    are missing, or below 1), ``position`` (not above that of the event before), ``time`` (recorded before the event
    before, at a time that no calendar has, or more than a day ahead of the clock), ``unknown_type``, ``unreadable``, or
    ``odd`` (it says what no write could have recorded, such as a value nested too deep, or a definition that is none:
    lists show it as far as they can).

    Of what is told twice: ``reference`` (an event names a run, a work order, a source or a workflow's version that
    isn't there, or tells otherwise), ``index`` (a row of the lists is missing, without its events, or tells otherwise),
    ``checkpoint`` (a cached state isn't what the events fold to), ``search`` (the same of what a search knows).

    Of heads that were kept: ``cut`` (the stream ends earlier than it did), ``lost`` (it is gone), ``rewritten`` (it
    tells something else).
    """

    stream: str
    version: int
    kind: Kind
    message: str


@dataclass(frozen=True)
class VerifyReport:
    """What was looked at, each by its count, and what was found."""

    events: int
    streams: int
    findings: tuple[Finding, ...]
    runs: int = 0
    work_orders: int = 0
    workflows: int = 0
    index_rows: int | None = None
    """None where no index was looked at: it wasn't built yet, or by other code, which is no fault of the log."""
    checkpoints: int = 0
    search_entries: int | None = None
    """None where they were not looked at: without ``deep``, or as the next search makes them anew in any case."""
    heads_compared: int | None = None
    """Streams of the file of heads that was there; None: there was none, or none was asked for."""
    heads_written: bool = False
    """Whether the file of heads says now how the store stands."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings
