"""Measures how long appends take."""

import time
from typing import Any

from opentelemetry.metrics import Histogram

from ...domain.ports import EventStore, Write


class ObservedStore:
    """A store whose appends are measured, from when they are asked for until they are durable."""

    def __init__(self, store: EventStore, duration: Histogram) -> None:
        self._store = store
        self._duration = duration

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, *writes: Write) -> list[int]:
        """See ``EventStore``."""
        began = time.perf_counter()
        try:
            positions = self._store.append(*writes)
        except Exception as error:
            self._record(began, error)
            raise
        self._record(began, None)
        return positions

    async def aappend(self, *writes: Write) -> list[int]:
        """See ``EventStore``."""
        began = time.perf_counter()
        try:
            positions = await self._store.aappend(*writes)
        except Exception as error:
            self._record(began, error)
            raise
        self._record(began, None)
        return positions

    def _record(self, began: float, error: Exception | None) -> None:
        seconds = time.perf_counter() - began
        self._duration.record(seconds, {} if error is None else {"error.type": type(error).__name__})
