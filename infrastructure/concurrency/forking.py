"""What must hold when a process forks with a store open.

A child gets a copy of everything but the threads: locks that a thread held stay locked for ever, connections are shared
with the parent, and SQLite's own record of the file locks is wrong, as the kernel gives a child none of them. So
everything that holds a lock, a connection or a thread takes part here: it comes to rest before the fork, goes on
afterwards in the parent, and begins anew in the child.
"""

import os
import weakref
from threading import local
from typing import Protocol


class Forkable(Protocol):
    """Something that has to know when its process forks. The three are called by the thread that forks."""

    def before_fork(self) -> None:
        """Come to rest: what is copied must make sense. Nothing raised here would reach anybody."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Begin anew, without the parent's connections, locks and threads. May come without ``before_fork``."""


class ForksAnew:
    """A Forkable that needs no rest, as all of it is made anew in the child."""

    def before_fork(self) -> None:
        """Nothing is to be done."""

    def after_fork_in_parent(self) -> None:
        """Nothing was done."""


_followers: weakref.WeakSet[Forkable] = weakref.WeakSet()
_process = os.getpid()


def follow_forks(follower: Forkable) -> None:
    """Call the follower at each fork, for as long as somebody else keeps it."""
    _followers.add(follower)


def notice_fork() -> None:
    """In a child that was forked behind Python's back, as by a server written in C, do now what is due after a fork."""
    if os.getpid() != _process:
        _after_in_child()


class _Resting(local):
    """Those that have come to rest for the thread that forks; several threads may, one waiting for the other.

    They are kept alive until they go on: one that is let go of closes itself, and would wait for ever for locks that
    this very thread holds for it.
    """

    def __init__(self) -> None:
        self.followers: list[Forkable] = []


_resting = _Resting()


def _before() -> None:
    for follower in list(_followers):
        _resting.followers.append(follower)
        follower.before_fork()


def _after_in_parent() -> None:
    rested, _resting.followers = _resting.followers, []
    for follower in rested:
        follower.after_fork_in_parent()


def _after_in_child() -> None:
    global _process
    _process = os.getpid()
    # Not every one has come to rest: other threads may have made some while this one waited for the last.
    for follower in list(_followers):
        follower.after_fork_in_child()
    _resting.followers = []


os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
