"""Wake-ups by a look at the files of an SQLite store: each commit changes one of them."""

import os
from functools import partial
from pathlib import Path
from time import time_ns

from ..wakeups import PollingWakeups

LOOK_EVERY = 0.01
"""Seconds between two looks."""

TICK = 20_000_000
"""Nanoseconds: no clock of a file system is coarser, so a file that was changed so long ago will change visibly."""


def watch_file(file: Path) -> PollingWakeups:
    """The wake-ups of the store in a file."""
    look = partial(_look, (str(file), f"{file}-wal"))
    return PollingWakeups(look, LOOK_EVERY, LOOK_EVERY)


def _look(paths: tuple[str, ...]) -> object:
    return tuple(map(_state_of, paths))


def _state_of(path: str) -> object:
    try:
        found = os.stat(path)
    except OSError:
        return None  # there is no log, or the disk is away
    # Two commits in one tick of the clock may leave the same time and size. So a file looks changed once more when the
    # tick is over.
    is_fresh = time_ns() - found.st_mtime_ns < TICK
    return found.st_ino, found.st_size, found.st_mtime_ns, is_fresh
