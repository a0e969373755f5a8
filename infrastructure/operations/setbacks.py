"""What a worker leaves alone for a while, longer each time, because it failed with it."""

from collections.abc import Callable
from typing import Final, NamedTuple

_SECOND: Final = 1_000_000
_FIRST: Final = 5 * _SECOND
_LONGEST: Final = 300 * _SECOND


class _Setback(NamedTuple):
    until: int
    pause: int
    reason: str


class Setbacks:
    """By name. ``now`` returns microseconds since 1970."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._known: dict[str, _Setback] = {}

    def add(self, name: str, reason: str) -> bool:
        """Leave it alone for twice as long as last time. Returns whether the reason is new."""
        before = self._known.get(name)
        pause = _FIRST if before is None else min(before.pause * 2, _LONGEST)
        self._known[name] = _Setback(self._now() + pause, pause, reason)
        return before is None or before.reason != reason

    def clear(self, name: str) -> None:
        """It is well again."""
        self._known.pop(name, None)

    def current(self) -> set[str]:
        """The names to leave alone now."""
        now = self._now()
        return {name for name, setback in self._known.items() if setback.until > now}

    def reasons(self) -> dict[str, str]:
        """Why each was left alone last, as far as it hasn't been clear since."""
        return {name: setback.reason for name, setback in self._known.items()}
