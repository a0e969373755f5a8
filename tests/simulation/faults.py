"""What goes wrong, and when: drawn beforehand, so that a failing case can be tried again without some of it."""

from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from .scheduler import SECOND

LEASE = 6 * SECOND
"""Of workers, and of processes that execute runs in their own calls."""

LONGEST_STALL = 3 * LEASE
"""Long enough for all to be lost meanwhile."""

KINDS = (
    "crash",
    "stall of a task",
    "stall of a process",
    "clock forward",
    "clock back",
    "lost acknowledgement",
    "lost acknowledgement, twice",
    "connection lost before commit",
    "failure before commit",
    "outage",
    "fork",
)
WEIGHTS = (6, 3, 2, 2, 2, 3, 3, 2, 2, 1, 1)

AT_COMMIT = frozenset(
    {
        "lost acknowledgement",
        "lost acknowledgement, twice",
        "connection lost before commit",
        "failure before commit",
    }
)
"""Those that strike at the next commit."""


class Fault(NamedTuple):
    """It strikes at the first point, counted from the beginning, at which it can."""

    number: int
    at: int
    kind: str
    micros: int
    """How long it takes, or by how much a clock jumps."""


def draw_faults(chance: Random, length: int) -> list[Fault]:
    """The faults of one seed, within so many points: many or few, of some kinds alone, or none at all.

    Kinds that are left out let others show what they do by themselves (swarm testing, Groce and others, 2012).
    """
    allowed = [place for place in range(len(KINDS)) if chance.random() < 0.5]
    count = chance.choice((0, 1, 2, 3, 4, 6, 8, 12, 20)) if allowed else 0
    places = sorted(chance.randrange(length) for _ in range(count))
    kinds = (
        chance.choices([KINDS[place] for place in allowed], [WEIGHTS[place] for place in allowed], k=count)
        if count
        else []
    )
    spans = [chance.choice((SECOND // 20, SECOND, LEASE // 3, LEASE + SECOND, LONGEST_STALL)) for _ in range(count)]
    return [Fault(number, *each) for number, each in enumerate(zip(places, kinds, spans, strict=True))]


def without(faults: Iterable[Fault], dropped: Iterable[int]) -> list[Fault]:
    """Those that aren't dropped."""
    gone = set(dropped)
    return [fault for fault in faults if fault.number not in gone]
