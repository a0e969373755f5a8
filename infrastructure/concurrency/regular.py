"""What is done by itself, every so often, in a thread of its own."""

from collections.abc import Callable
from datetime import timedelta
from logging import Logger
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Final, Self

from ...domain.errors import FlowledgerError
from ...domain.live import Unpicklable

_LOOK_EVERY: Final = 1.0
"""Seconds between two looks whether it is due before its time."""


class RegularAct(Unpicklable):
    """Acts from ``with`` on to the end of the block: at its beginning, and every so often, or as soon as it is due.

    What can't be done is an error in the process's log, as ``failure`` says it, and is tried again the next time.
    """

    _send_instead = "make one there"

    def __init__(
        self,
        name: str,
        act: Callable[[Event], object],
        every: timedelta,
        log: Logger,
        failure: str,
        is_due: Callable[[], bool] | None = None,
        *,
        at_the_end: bool = False,
    ) -> None:
        """``act`` is given what is set when the block ends. ``at_the_end``: once more then."""
        self._act = act
        self._every = every.total_seconds()
        self._log = log
        self._failure = failure
        self._is_due = is_due
        self._at_the_end = at_the_end
        self._stopped = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

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
            self._try()
            self._wait()
        if self._at_the_end:
            self._try()

    def _wait(self) -> None:
        until = monotonic() + self._every
        while (left := until - monotonic()) > 0:
            if self._stopped.wait(left if self._is_due is None else min(left, _LOOK_EVERY)) or self._has_come():
                return

    def _has_come(self) -> bool:
        try:
            return self._is_due is not None and self._is_due()
        except FlowledgerError as error:
            self._log.error("%s, as it can't be told whether it is due: %s", self._failure, error)
            return False

    def _try(self) -> None:
        try:
            self._act(self._stopped)
        except Exception as error:  # noqa: BLE001 - what a callback raises, too
            self._log.exception("%s: %s", self._failure, error)
