"""The result of verifying a store."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal[
    "changed",
    "link",
    "gap",
    "position",
    "time",
    "unknown_type",
    "unreadable",
    "odd",
    "reference",
    "index",
    "checkpoint",
    "search",
    "removed",
    "cut",
    "lost",
    "rewritten",
]

OF_THE_LOG: frozenset[Kind] = frozenset({"changed", "link", "gap", "unknown_type", "unreadable"})
"""Kinds of damage by which the events of a stream differ from what was written."""


class Finding(NamedTuple):
    """One thing that is wrong. ``stream`` is empty, and ``version`` 0, if it doesn't concern one stream alone.

    Kinds of findings about an event by itself: ``changed`` (its body, type or digest differ from what was written,
    though the event before is sound), ``link`` (it doesn't follow from the event before, which has a finding itself),
    ``gap`` (versions are missing, or below 1), ``position`` (not above that of the event before), ``time`` (recorded
    before the event before, at a time that no calendar has, or more than a day ahead of the clock), ``unknown_type``,
    ``unreadable``, ``odd`` (no write could have recorded it, such as a value nested too deep, or an invalid definition;
    lists show it as far as they can).

    About what is stored twice: ``reference`` (an event names a run, a work order, a source or a workflow's version that
    isn't there, or differs), ``index`` (a row of the lists is missing, has no events, or differs), ``checkpoint`` (a
    cached state isn't what the events fold to), ``search`` (the same of the search index), ``removed`` (a stream that
    is recorded as removed has events, or the table of removed streams isn't what the records of removals say).

    About heads that were kept: ``cut`` (the stream ends earlier than it did), ``lost`` (it is gone), ``rewritten`` (it
    has other events).
    """

    stream: str
    version: int
    kind: Kind
    message: str


@dataclass(frozen=True)
class VerifyReport:
    """How much was checked, and what was found."""

    events: int
    streams: int
    findings: tuple[Finding, ...]
    runs: int = 0
    work_orders: int = 0
    workflows: int = 0
    index_rows: int | None = None
    """The number of index rows; None: there is no index yet, or one of another release, which is no fault."""
    checkpoints: int = 0
    search_entries: int | None = None
    """The number of search entries; None: not looked at, as without ``deep``, or as the next search begins anew."""
    heads_compared: int | None = None
    """The number of streams in the file of heads; None: there was no file, or none was asked for."""
    heads_written: bool = False
    """Whether the file of heads was written."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings
