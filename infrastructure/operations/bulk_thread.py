"""A thread that works on bulk actions, in a process that isn't a worker."""

import logging
import os
import socket
from threading import Condition, Thread
from typing import Final

from ...domain.errors import FlowledgerError
from ...domain.live import Unpicklable
from ..services.bulk.service import Bulk, clock_of_bulk, work_of
from .work import longer

_log = logging.getLogger("flowledger.bulk")

LONGEST_PAUSE: Final = 30.0
"""Seconds between two looks, at most, while something is open."""

_PATIENCE: Final = 5.0
"""Seconds that closing waits for the run that is worked on."""


class BulkThread(Unpicklable):
    """Works on what is open, from ``wake`` on, until nothing is: then the thread ends."""

    _send_instead = "make one there"

    def __init__(self, bulk: Bulk) -> None:
        self._now = clock_of_bulk(bulk)
        self._work = work_of(bulk, f"{socket.gethostname()}:{os.getpid()}", lambda: self._is_stopping)
        self._is_stopping = False
        self._is_woken = False
        self._changed = Condition()
        self._thread: Thread | None = None

    def wake(self) -> None:
        """There may be something to do. Returns at once."""
        with self._changed:
            self._is_woken = True
            self._changed.notify_all()
            if self._thread is None and not self._is_stopping:
                self._thread = Thread(target=self._serve, name="flowledger-bulk", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Break off behind the run that is worked on, and let others go on."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(_PATIENCE)

    def _serve(self) -> None:
        pause = 0.0
        while not self._is_stopping:
            with self._changed:
                self._is_woken = False
            try:
                seconds = self._turn()
            except FlowledgerError as error:
                pause = longer(pause)
                _log.warning("bulk actions can't be worked on now, and are tried again: %s", error)
                seconds = pause
            else:
                pause = 0.0
            with self._changed:
                if seconds is None:
                    if not self._is_woken:
                        self._thread = None
                        return
                elif seconds and not self._is_woken and not self._is_stopping:
                    self._changed.wait(seconds)
        try:
            self._work.leave()
        except FlowledgerError as error:
            _log.warning("a bulk action is taken over by others when its lease is over: %s", error)

    def _turn(self) -> float | None:
        """Do some; returns the seconds until there may be more, None where nothing is open."""
        if self._work.advance():
            return 0.0
        due = self._work.next_takeover()
        return None if due is None else min(max(0.05, (due - self._now()) / 1_000_000), LONGEST_PAUSE)
