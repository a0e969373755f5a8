"""How many requests somebody may send."""

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from threading import Lock
from time import monotonic
from typing import Final

from .refusals import Refusal

REQUESTS_PER_MINUTE: Final = 6_000
"""Of one person, where the host doesn't say it."""

_A_MINUTE: Final = 60.0
_REMEMBERED: Final = 10_000
"""People whose rate is known: who asked last."""


class RequestRate:
    """What each person has left: a minute's requests at once, which come back evenly. May be shared between threads."""

    def __init__(self, most: int | None, now: Callable[[], float] = monotonic) -> None:
        """``most``: requests within a minute; None: as many as come. ``now``: seconds that only count on."""
        self._most = most
        self._now = now
        self._lock = Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """When somebody asked last, and how many requests were left then."""

    def count(self, name: str) -> None:
        """Count a request. Raises Refusal (429) where none is left; that one isn't counted."""
        if self._most is None:
            return
        now, each = self._now(), _A_MINUTE / self._most
        with self._lock:
            asked, left = self._left.pop(name, (now, float(self._most)))
            left = min(float(self._most), left + (now - asked) / each)
            allowed = left >= 1
            self._left[name] = (now, left - 1 if allowed else left)
            while len(self._left) > _REMEMBERED:
                self._left.popitem(last=False)
        if not allowed:
            seconds = max(1, ceil((1 - left) * each))
            raise Refusal(
                429,
                "Too many requests",
                f"{name} has sent {self._most:,} requests within a minute, which is the most: "
                f"try again in {seconds} s; nothing was done",
                {"Retry-After": str(seconds)},
                limit=self._most,
            )
