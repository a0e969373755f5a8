"""What happened in a seed, in words, in the order in which it happened."""

from typing import Any

from .scheduler import SECOND


class Story:
    """Told from when it is asked for; costs nothing otherwise."""

    def __init__(self, scheduler: Any, *, is_told: bool = False) -> None:
        self._scheduler = scheduler
        self._is_told = is_told
        self.lines: list[str] = []

    def tell(self, what: str, **details: Any) -> None:
        if not self._is_told:
            return
        task = self._scheduler.current
        told = " ".join(f"{name}={value}" for name, value in details.items() if value is not None)
        who = "" if task is None else task.name
        self.lines.append(f"{self._scheduler.time / SECOND:10.4f} {who:32} {what} {told}")
