"""A handler of an application's own logging, such as an error tracker's, and all that it is told."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self


class Told(logging.Handler):
    """Keeps the records that reach it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[Self]:
        """One that listens to all that flowledger logs."""
        handler, logger = cls(), logging.getLogger("flowledger")
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        try:
            yield handler
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)

    def everything(self) -> str:
        """All that the records hold, however it is shown."""
        shown = [self.format(record) for record in self.records]
        return "\n".join([*shown, *(repr(sorted(vars(record).items())) for record in self.records)])
