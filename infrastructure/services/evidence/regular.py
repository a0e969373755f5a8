"""Checkpoints that are signed by themselves, every so often."""

import logging
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Final, Self

from ....domain.errors import FlowledgerError
from ....domain.live import Unpicklable

_log = logging.getLogger("flowledger.evidence")

_LOOK_EVERY: Final = 1.0
"""Seconds between two looks at how many events are new."""


class RegularCheckpoints(Unpicklable):
    """A thread that signs, from ``with`` on to the end of the block; a last time at its end."""

    _send_instead = "make one there"

    def __init__(
        self,
        sign: Callable[[], object],
        unsigned: Callable[[], int],
        every: timedelta,
        events: int | None,
    ) -> None:
        self._sign = sign
        self._unsigned = unsigned
        self._every = every.total_seconds()
        self._events = events
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="flowledger-evidence", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._try_to_sign()
            self._wait()
        self._try_to_sign()

    def _wait(self) -> None:
        until = monotonic() + self._every
        while (left := until - monotonic()) > 0:
            if self._stopped.wait(left if self._events is None else min(left, _LOOK_EVERY)) or self._are_enough():
                return

    def _are_enough(self) -> bool:
        try:
            return self._events is not None and self._unsigned() >= self._events
        except FlowledgerError as error:
            _log.error("new events can't be counted: %s", error)
            return False

    def _try_to_sign(self) -> None:
        try:
            self._sign()
        except Exception as error:  # noqa: BLE001 - what a callback raises, too
            _log.exception("no checkpoint was signed or handed on: %s", error)
