"""Execution slots: a pool has a fixed number, and work lends its slot to the work that it starts.

A step may start runs and wait for them. If their steps queued for slots that are all held by steps waiting for them,
all would wait for ever. So work that finds no free slot may run in the slot of the work that started it:

- Work *starts* other work when that is requested in its context, as ``contextvars`` carry it through threads and event
  loops. Among the ancestors of a piece of work the nearest one that still runs counts.
- Running work lends its slot to one other at a time, which may lend it on to what it starts itself.
- Work that finishes while its slot is lent leaves the slot to the borrower.

So each slot holds one chain of work, each started by one before it, and nothing waits for ever as long as work waits
only for what it started. Proof: take any running work that waits. If what it waits for runs, too, look at that next.
If not, that found no slot; so its nearest running ancestor has lent its own slot, to another that runs: look at that
next. Each was started by the one before. There are finitely many, so one of them doesn't wait. And work without a
running ancestor waits in order for slots, which therefore become free.
"""

from collections import OrderedDict
from threading import Lock

from .forking import ResetOnFork, register_for_forks


class Slots:
    """The slots of one pool, and the work that waits for one: first come, first served."""

    def __init__(self, count: int) -> None:
        self.free = count
        self.waiting: OrderedDict[Work, None] = OrderedDict()
        """Empty while a slot is free."""

    def withdraw_all(self) -> "list[Work]":
        """Take all waiting work out of the queue, and return it."""
        with _running.lock:
            withdrawn = list(self.waiting)
            for work in withdrawn:
                work.stop_waiting()
            return withdrawn


class Work:
    """One piece of work: it waits, runs, and finishes."""

    __slots__ = ("borrower", "held", "lender", "parent", "slots", "waiting")

    def __init__(self, slots: Slots, parent: "Work | None") -> None:
        self.slots = slots
        self.parent = parent
        """The work that started it."""
        self.held: Slots | None = None
        """The pool whose slot it holds: its own, or one whose slot was left to it."""
        self.lender: Work | None = None
        """The work in whose slot it runs, where it holds none."""
        self.borrower: Work | None = None
        """The work that runs in its slot."""
        self.waiting: OrderedDict[Work, None] = OrderedDict()
        """Work that waits and could run in its slot. Empty unless that is lent."""

    def try_start(self) -> bool:
        """Whether it may run now. If not it waits, and the ``finish`` of other work returns it when it may."""
        with _running.lock:
            if self._try_take_slot():
                return True
            self.slots.waiting[self] = None
            if (ancestor := self._running_ancestor()) is not None:
                ancestor.waiting[self] = None
            return False

    def withdraw(self) -> bool:
        """Stop waiting. False where it doesn't wait: it may run by now, or was withdrawn before."""
        with _running.lock:
            waits = self in self.slots.waiting
            if waits:
                self.stop_waiting()
            return waits

    def finish(self) -> "list[Work]":
        """It has run. Returns the work that may run now."""
        with _running.lock:
            if self not in _running.work:  # it was abandoned, or belongs to the process that this one was forked from
                return []
            _running.work.remove(self)
            queues: list[OrderedDict[Work, None]] = []
            if (ancestor := self._running_ancestor()) is not None:
                ancestor.waiting.update(self.waiting)
                queues.append(ancestor.waiting)
            if self.lender is not None:  # the running ancestor
                self.lender.borrower = self.borrower
            if self.borrower is not None:
                self.borrower.lender, self.borrower.held = self.lender, self.held
            elif self.held is not None:
                self.held.free += 1
                queues.append(self.held.waiting)
            firsts = (next(iter(queue), None) for queue in queues)
            return [first for first in firsts if first is not None and first._try_take_slot()]

    def stop_waiting(self) -> None:
        """For a caller that holds the lock."""
        self.slots.waiting.pop(self, None)
        if (ancestor := self._running_ancestor()) is not None:
            ancestor.waiting.pop(self, None)

    def _try_take_slot(self) -> bool:
        ancestor = self._running_ancestor()
        if self.slots.free > 0:
            self.slots.free -= 1
            self.held = self.slots
        elif ancestor is not None and ancestor.borrower is None:
            self.lender, ancestor.borrower = ancestor, self
        else:
            return False
        self.stop_waiting()
        _running.work.add(self)
        return True

    def _running_ancestor(self) -> "Work | None":
        """The nearest ancestor that runs. Ancestors that have finished are forgotten on the way."""
        while self.parent is not None and self.parent not in _running.work:
            self.parent = self.parent.parent
        return self.parent


class _Running(ResetOnFork):
    """The work that runs in this process, of all pools: work of one pool starts work of another."""

    def __init__(self) -> None:
        self.after_fork_in_child()
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self.lock = Lock()
        self.work: set[Work] = set()


_running = _Running()
