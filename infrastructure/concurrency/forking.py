"""Forks of a process that has a store open.

A child gets a copy of everything but the threads: locks that a thread held stay locked for ever, connections are shared
with the parent, and SQLite's own record of the file locks is wrong, as the kernel gives a child none of them. So every
object that holds a lock, a connection or a thread registers here: it quiesces before the fork, resumes afterwards in
the parent, and resets in the child.
"""

import os
import weakref
from threading import local
from typing import Protocol


class ForkAware(Protocol):
    """An object with hooks round a fork. All three are called by the thread that forks."""

    def before_fork(self) -> None:
        """Quiesce, so that the copy is consistent. An exception raised here reaches no caller."""

    def after_fork_in_parent(self) -> None:
        """Resume."""

    def after_fork_in_child(self) -> None:
        """Reset, without the parent's connections, locks and threads. May be called without ``before_fork``."""


class ResetOnFork:
    """Needs no hook before the fork, as it resets completely in the child."""

    def before_fork(self) -> None:
        """Nothing to do."""

    def after_fork_in_parent(self) -> None:
        """Nothing to undo."""


_registered: weakref.WeakSet[ForkAware] = weakref.WeakSet()
_process = os.getpid()


def register_for_forks(object: ForkAware) -> None:
    """Call the object's hooks at each fork. Only a weak reference is kept."""
    _registered.add(object)


def handle_missed_fork() -> None:
    """Run the child's hooks now if the process was forked without Python's knowledge, as by a server written in C."""
    if os.getpid() != _process:
        _after_in_child()


class _Quiesced(local):
    """The objects quiesced for the thread that forks; several threads may fork, one waiting for the other.

    They are kept alive until they resume: one that is collected closes itself, and would wait for ever for locks that
    this very thread holds for it.
    """

    def __init__(self) -> None:
        self.objects: list[ForkAware] = []


_quiesced = _Quiesced()


def _before() -> None:
    for each in list(_registered):
        _quiesced.objects.append(each)
        each.before_fork()


def _after_in_parent() -> None:
    quiesced, _quiesced.objects = _quiesced.objects, []
    for each in quiesced:
        each.after_fork_in_parent()


def _after_in_child() -> None:
    global _process
    _process = os.getpid()
    # Not all of them are quiesced: other threads may have made some while this one waited for the last.
    for each in list(_registered):
        each.after_fork_in_child()
    _quiesced.objects = []


if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
