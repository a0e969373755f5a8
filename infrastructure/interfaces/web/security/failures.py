"""How often somebody may show a wrong token: nobody guesses one, but each try costs a look into the store."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final

from .refusals import Refusal

MOST_FAILURES: Final = 20
"""Wrong tokens of one address within a minute."""

_A_MINUTE: Final = 60.0
_ADDRESSES: Final = 10_000
"""That are remembered: those that failed last."""


class Failures:
    """The wrong tokens of the last minute, by the address that they came from. May be shared between threads."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        """``now``: seconds that only count on."""
        self._now = now
        self._lock = Lock()
        self._since: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """When the minute of an address began, and how often it has failed since."""

    def refuse_more(self, address: str) -> None:
        """Raises Refusal (429) where an address has failed so often that it has to wait."""
        with self._lock:
            began, failed = self._since.get(address, (0.0, 0))
        left = began + _A_MINUTE - self._now()
        if failed >= MOST_FAILURES and left > 0:
            seconds = int(left) + 1
            raise Refusal(
                429,
                "Too many wrong tokens",
                f"{MOST_FAILURES} wrong tokens came from this address within a minute: try again in {seconds} s",
                {"Retry-After": str(seconds)},
            )

    def add(self, address: str) -> None:
        """Count one."""
        now = self._now()
        with self._lock:
            began, failed = self._since.pop(address, (now, 0))
            self._since[address] = (now, 1) if now - began >= _A_MINUTE else (began, failed + 1)
            while len(self._since) > _ADDRESSES:
                self._since.popitem(last=False)
