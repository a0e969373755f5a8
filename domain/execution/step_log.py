"""Log lines of one step: recorded with its event, and passed on to the application's own logging."""

import logging
from collections.abc import Callable

from ..events.envelope import LogLine

_APPLICATION = logging.getLogger("flowledger.steps")


class StepLog(logging.Logger):
    """A logger that keeps its lines. Everything from DEBUG up is kept; the application's levels rule what it prints."""

    def __init__(self, node_id: str, now: Callable[[], int]) -> None:
        super().__init__(f"flowledger.steps.{node_id}", logging.DEBUG)
        self.lines: list[LogLine] = []
        self._now = now

    def handle(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception as error:  # noqa: BLE001 - as in logging itself, a bad format fails no caller
            message = f"{record.msg!r} % {record.args!r} ({type(error).__name__}: {error})"
        if record.exc_info:
            message += "\n" + logging.Formatter().formatException(record.exc_info)
        self.lines.append({"at": self._now(), "level": record.levelname, "message": message})
        if _APPLICATION.isEnabledFor(record.levelno):
            _APPLICATION.handle(record)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        return level >= self.level
