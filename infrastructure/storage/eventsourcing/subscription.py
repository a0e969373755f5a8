"""Following the log: notifications as they come, by polling, so that writers pay nothing for their readers."""

from collections import deque
from collections.abc import Sequence
from threading import Event
from typing import NamedTuple

from eventsourcing.persistence import Notification, Subscription

from ....domain.errors import EventsLost
from ..codec import BODY
from ..recorder import EventRow, LedgerRecorder

SHORTEST_PAUSE = 0.004
LONGEST_PAUSE = 0.128
"""Seconds between two looks at the log: doubled with each that finds nothing."""

EVENTS_REMEMBERED = 1_000
"""How many events a follower can go back without beginning anew."""


class _Seen(NamedTuple):
    """An event that was met, and by which it is told from any other."""

    position: int
    stream: str
    version: int
    header: bytes


class PollingSubscription(Subscription[LedgerRecorder]):
    """Every notification with ``id > gt``, of the given topics if there are any, in order; then waits for more.

    For one reading thread; ``stop`` may be called from any. Raises eventsourcing's PersistenceError when the store
    can't be read; iterating again goes on with the notification that was due. Raises EventsLost when the store doesn't
    hold any more what was met last: new events may then come at positions that were passed already. Iterating again
    goes on behind the last event that is still there, or where the subscription began.
    """

    def __init__(self, recorder: LedgerRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._stopped = Event()
        # The recorder's pages and not its select_notifications: they bound memory, and as they hold every type, the
        # reader of a rare one doesn't walk through all the others again with each look.
        self._page: deque[EventRow] = deque()
        self._begin = gt or 0
        self._seen: deque[_Seen] = deque(maxlen=EVENTS_REMEMBERED)

    def stop(self) -> None:
        """End the iteration, at once also where it waits."""
        super().stop()
        self._stopped.set()

    def __next__(self) -> Notification:
        pause = SHORTEST_PAUSE
        while not self._stopped.is_set():
            if not self._page:
                self._page.extend(self._look())
            if not self._page:
                self._stopped.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            # Counted as seen when there is nothing left that could fail.
            row = self._page[0]
            wanted = not self._topics or row.type in self._topics
            notification = self._notification(row) if wanted else None
            seen = _Seen(row.position, row.stream, row.version, self._header(row))
            self._page.popleft()
            self._seen.append(seen)
            if notification is not None:
                return notification
        raise StopIteration

    def _look(self) -> Sequence[EventRow]:
        """The next events, seen from the one that was met last, which is looked at once more."""
        if not self._seen:
            return self._recorder.log_batch(self._begin)
        last = self._seen[-1]
        page = self._recorder.log_batch(last.position - 1)
        if page and page[0].position == last.position and self._is(page[0], last):
            return page[1:]
        if not self._is_stored(last):
            raise self._go_back()
        return self._recorder.log_batch(last.position)

    def _go_back(self) -> EventsLost:
        """Forget what was met and isn't there any more."""
        lost = self._seen[-1]
        while self._seen and not self._is_stored(self._seen[-1]):
            self._seen.pop()
        return EventsLost(lost.stream, lost.version, self._recorder.head(lost.stream))

    def _is(self, row: EventRow, seen: _Seen) -> bool:
        return (row.stream, row.version) == (seen.stream, seen.version) and self._header(row) == seen.header

    def _is_stored(self, seen: _Seen) -> bool:
        return self._recorder.header(seen.stream, seen.version) == (seen.header, seen.position)

    def _header(self, row: EventRow) -> bytes:
        if row.state is not None:
            return row.state[:BODY]
        found = self._recorder.header(row.stream, row.version)
        return b"" if found is None else found[0]

    def _notification(self, row: EventRow) -> Notification:
        state = row.state if row.state is not None else self._recorder.state(row.stream, row.version)
        return Notification(row.stream, row.version, row.type, state or b"", row.position)
