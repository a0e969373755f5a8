"""Measures how long appends take."""

import time
from collections.abc import Callable
from typing import Any

from opentelemetry.metrics import Histogram

from ...domain.ports import Guard, GuardingStore, Write


class ObservedStore:
    """A store whose appends are measured, from when they are asked for until they are durable."""

    def __init__(self, store: GuardingStore, duration: Histogram) -> None:
        self._store = store
        self._duration = duration

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, *writes: Write) -> list[int]:
        """See ``EventStore``."""
        return self._measured(lambda: self._store.append(*writes))

    def append_while(self, guard: Guard, *writes: Write) -> list[int]:
        """See ``GuardingStore``."""
        return self._measured(lambda: self._store.append_while(guard, *writes))

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

    def _measured(self, append: Callable[[], list[int]]) -> list[int]:
        began = time.perf_counter()
        try:
            positions = append()
        except Exception as error:
            self._record(began, error)
            raise
        self._record(began, None)
        return positions

    def _record(self, began: float, error: Exception | None) -> None:
        seconds = time.perf_counter() - began
        self._duration.record(seconds, {} if error is None else {"error.type": type(error).__name__})
