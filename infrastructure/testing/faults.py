"""Fault injection at commits: crashes, lost connections, a full disk."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

from eventsourcing.persistence import OperationalError, StoredEvent

from ...domain.errors import InvalidRequest
from ..ledger.ledger import Ledger
from ..storage.errors import ConnectionLost
from ..storage.event_store import LedgerEventStore

FaultPoint = Literal[
    "crash before commit",
    "crash after commit",
    "connection lost before commit",
    "connection lost after commit",
    "disk full",
]


class Crash(BaseException):
    """The process died here, as far as the ledger can tell. What it was at is left as it is."""


class Faults:
    """What goes wrong at the commits of a ledger, whichever its backend.

    A crash is raised as ``Crash``. A lost connection is made good by the ledger itself: no event is lost, none stored
    twice; where it is lost again at once, before the commit, the outcome is unknown and StorageUnavailable says so. A
    full disk is StorageUnavailable.
    """

    def __init__(self, ledger: Ledger | LedgerEventStore) -> None:
        store = ledger._store if isinstance(ledger, Ledger) else ledger  # pyright: ignore[reportPrivateUsage]
        recorder: Any = store.recorder
        self._insert = recorder.insert_events
        self._point: FaultPoint | None = None
        self._passing = 0
        self._times: int | None = 1
        recorder.insert_events = self._insert_events

    def next(self, point: FaultPoint, *, passing: int = 0, times: int | None = 1) -> None:
        """Let it happen at the next commit, or behind ``passing`` ones that go well; ``times`` in a row, or for good.

        Takes the place of what was to happen so far. Raises InvalidRequest for what is no fault point.
        """
        if point not in get_args(FaultPoint):
            raise InvalidRequest(f"{point!r} is no fault point; there are: {', '.join(get_args(FaultPoint))}")
        self._point, self._passing, self._times = point, passing, times

    def clear(self) -> None:
        """From here on all goes well."""
        self._point = None

    def _insert_events(self, events: Sequence[StoredEvent], **options: Any) -> list[int]:
        point = self._due()
        if point is None:
            return self._stored(events, options)
        if point.endswith("after commit"):
            self._stored(events, options)
        if point.startswith("crash"):
            raise Crash(point)
        raise ConnectionLost(point) if point.startswith("connection") else OperationalError("the disk is full")

    def _due(self) -> FaultPoint | None:
        if self._point is None or self._passing:
            self._passing = max(self._passing - 1, 0)
            return None
        point = self._point
        if self._times is not None:
            self._times -= 1
            if self._times == 0:
                self._point = None
        return point

    def _stored(self, events: Sequence[StoredEvent], options: dict[str, Any]) -> list[int]:
        positions: list[int] = self._insert(events, **options)
        return positions
