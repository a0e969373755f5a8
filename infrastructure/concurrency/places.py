"""Who may execute now: a pool has so many places, and work lends its own to work that it begins.

A step may start runs and wait for them. If their steps queued for places that are all taken by steps which wait for
them, all would wait for ever. So who finds no place free may go in the place of the work that it was begun by:

- Work *begins* other work where that is asked for in its context, as ``contextvars`` carry it through threads and event
  loops. Of those that it was begun by, directly or not, the nearest one that still executes counts.
- Work that executes lends its place to one other at a time, which lends it on to what it begins itself.
- Work that ends while its place is lent leaves it to who has it.

So each place holds one chain of works, each begun by one before it, and nobody waits for ever as long as work waits for
nothing but what it began. Take any that executes and waits. What it waits for executes, too: then look at that one. Or
it found no place: then the nearest one that it was begun by has lent its own, to another that executes: look at that
one. Each was begun by the one looked at before. They are finitely many, so one of them doesn't wait. And who was begun
by nothing that executes waits, in order, for places that therefore come free.
"""

from collections import OrderedDict
from threading import Lock

from .forking import ForksAnew, follow_forks


class Places:
    """The places of one pool, and who waits for one: first come, first served."""

    def __init__(self, count: int) -> None:
        self.free = count
        self.waiting: OrderedDict[Turn, None] = OrderedDict()
        """Nobody, while a place is free."""

    def dismiss(self) -> "list[Turn]":
        """Send away all who wait."""
        with _now.lock:
            dismissed = list(self.waiting)
            for turn in dismissed:
                turn.wait_no_more()
            return dismissed


class Turn:
    """One piece of work: it waits, executes, and ends."""

    __slots__ = ("begun_by", "borrower", "lender", "place", "places", "waiting")

    def __init__(self, places: Places, begun_by: "Turn | None") -> None:
        self.places = places
        self.begun_by = begun_by
        self.place: Places | None = None
        """Whose place it has: one of its own pool, or one that was left to it."""
        self.lender: Turn | None = None
        """In whose place it executes otherwise."""
        self.borrower: Turn | None = None
        """Who executes in its place."""
        self.waiting: OrderedDict[Turn, None] = OrderedDict()
        """Who waits and would go in its place. Nobody, unless that is lent."""

    def ask(self) -> bool:
        """Whether it may execute now. Else it waits, and the end of another one will say when it may."""
        with _now.lock:
            if self._goes():
                return True
            self.places.waiting[self] = None
            if (beginner := self._beginner()) is not None:
                beginner.waiting[self] = None
            return False

    def leave(self) -> bool:
        """Wait no more. False where it doesn't wait: it may execute by now, or was sent away."""
        with _now.lock:
            waits = self in self.places.waiting
            if waits:
                self.wait_no_more()
            return waits

    def end(self) -> "list[Turn]":
        """It has executed. Returns those who may execute now."""
        with _now.lock:
            if self not in _now.executing:  # it is that of the process that this one was forked from
                return []
            _now.executing.remove(self)
            queues: list[OrderedDict[Turn, None]] = []
            if (beginner := self._beginner()) is not None:
                beginner.waiting.update(self.waiting)
                queues.append(beginner.waiting)
            if self.lender is not None:  # which is the beginner
                self.lender.borrower = self.borrower
            if self.borrower is not None:
                self.borrower.lender, self.borrower.place = self.lender, self.place
            elif self.place is not None:
                self.place.free += 1
                queues.append(self.place.waiting)
            return [first for queue in queues if (first := next(iter(queue), None)) is not None and first._goes()]

    def wait_no_more(self) -> None:
        """For who holds the lock."""
        self.places.waiting.pop(self, None)
        if (beginner := self._beginner()) is not None:
            beginner.waiting.pop(self, None)

    def _goes(self) -> bool:
        beginner = self._beginner()
        if self.places.free > 0:
            self.places.free -= 1
            self.place = self.places
        elif beginner is not None and beginner.borrower is None:
            self.lender, beginner.borrower = beginner, self
        else:
            return False
        self.wait_no_more()
        _now.executing.add(self)
        return True

    def _beginner(self) -> "Turn | None":
        """The nearest one that it was begun by and that executes. Those that have ended are forgotten on the way."""
        while self.begun_by is not None and self.begun_by not in _now.executing:
            self.begun_by = self.begun_by.begun_by
        return self.begun_by


class _Now(ForksAnew):
    """What executes in this process, in whatever pool: work of one begins work of another."""

    def __init__(self) -> None:
        self.after_fork_in_child()
        follow_forks(self)

    def after_fork_in_child(self) -> None:
        self.lock = Lock()
        self.executing: set[Turn] = set()


_now = _Now()
