"""How much of the time retention works while others write."""

from collections.abc import Callable
from math import isfinite
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from ....domain.errors import InvalidRequest
from ....domain.visible import quoted

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore

BESIDE_WRITERS: Final = 0.1
"""Of the time: what it takes away from writers is less, as much of its work is done beside them."""


def check_pace(pace: object) -> None:
    """Raises InvalidRequest for what is no share of the time."""
    if isinstance(pace, bool) or not isinstance(pace, int | float) or not (isfinite(pace) and 0 < pace <= 1):
        raise InvalidRequest(
            f"pace {quoted(pace)} is no share of the time that retention may work while others write: "
            "it is above 0, and at most 1, where it never waits"
        )


class Pace:
    """Keeps to a share of the time for as long as others append to the store.

    A disk, a processor and SQLite's one writer are shared whatever a step locks: only time in which nothing is done
    leaves them to others.
    """

    def __init__(self, store: "LedgerEventStore", share: float, wait: Callable[[float], object] | None = None) -> None:
        """``wait`` is asked to let so many seconds go by, also none; what it raises ends the work there."""
        self._store = store
        self._share = share
        self._wait = sleep if wait is None else wait
        self._begin()

    def give_way(self, own: int = 0) -> None:
        """Between two steps: wait in proportion to the last one, which appended ``own`` events, if others did, too."""
        pause = 0.0
        if self._share < 1 and self._store.events_behind(self._position) > own:
            pause = (monotonic() - self._began) * (1 / self._share - 1)
        self._wait(pause)
        self._begin()

    def _begin(self) -> None:
        if self._share < 1:  # at full pace nobody asks the store what others do
            self._position = self._store.last_position()
            self._began = monotonic()
