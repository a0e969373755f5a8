"""Striped locks for many small objects; a fork never leaves one locked."""

import os
from threading import Lock
from typing import Final

_COUNT: Final = 64
_LOCKS: Final = [Lock() for _ in range(_COUNT)]


def lock_of(owner: object) -> Lock:
    """The lock of an object, shared with some others. Hold it briefly, and take no second one meanwhile."""
    return _LOCKS[id(owner) // 16 % _COUNT]


def _acquire() -> None:
    """Before a fork: the child copies consistent objects, as no thread is changing one."""
    for lock in _LOCKS:
        lock.acquire()


def _release() -> None:
    for lock in _LOCKS:
        lock.release()


def _begin_anew() -> None:
    _LOCKS[:] = [Lock() for _ in range(_COUNT)]


if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(before=_acquire, after_in_parent=_release, after_in_child=_begin_anew)
