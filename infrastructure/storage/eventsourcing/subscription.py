"""Subscriptions to the log, by polling, so that they cost writers nothing."""

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
"""Seconds between two polls of the log: doubled with each that finds nothing."""

EVENTS_REMEMBERED = 1_000
"""How many lost events a subscriber can go back without starting again."""


class _Seen(NamedTuple):
    """A delivered event, and what identifies it."""

    position: int
    stream: str
    version: int
    header: bytes


class PollingSubscription(Subscription[LedgerRecorder]):
    """Every notification with ``id > gt``, of the given topics if there are any, in order; then waits for more.

    For one reading thread; ``stop`` may be called from any. Raises eventsourcing's PersistenceError when the store
    can't be read; iterating again continues with the notification that was due. Raises EventsLost when the store has
    lost the last event seen: new events may then come at positions already passed. Iterating again continues after the
    last event that is still there, or where the subscription began.
    """

    def __init__(self, recorder: LedgerRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._stopped = Event()
        # The recorder's batches and not its select_notifications: they bound memory, and as they hold every type, the
        # reader of a rare one doesn't go through all the others again with each poll.
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
                self._page.extend(self._poll())
            if not self._page:
                self._stopped.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            # Counted as seen when nothing is left that could fail.
            row = self._page[0]
            wanted = not self._topics or row.type in self._topics
            notification = self._notification(row) if wanted else None
            seen = _Seen(row.position, row.stream, row.version, self._header(row))
            self._page.popleft()
            self._seen.append(seen)
            if notification is not None:
                return notification
        raise StopIteration

    def _poll(self) -> Sequence[EventRow]:
        """The next events; the last one seen is read again, to notice its loss."""
        if not self._seen:
            return self._recorder.log_batch(self._begin)
        last = self._seen[-1]
        page = self._recorder.log_batch(last.position - 1)
        if page and page[0].position == last.position and self._is(page[0], last):
            return page[1:]
        if not self._is_stored(last):
            raise self._rewind()
        return self._recorder.log_batch(last.position)

    def _rewind(self) -> EventsLost:
        """Forget the seen events that are lost."""
        lost = self._seen[-1]
        while self._seen and not self._is_stored(self._seen[-1]):
            self._seen.pop()
        return EventsLost(lost.stream, lost.version, self._recorder.head(lost.stream))

    def _is(self, row: EventRow, seen: _Seen) -> bool:
        return (row.stream, row.version) == (seen.stream, seen.version) and self._header(row) == seen.header

    def _is_stored(self, seen: _Seen) -> bool:
        return self._recorder.header(seen.stream, seen.version) == (seen.header, seen.position)

    def _header(self, row: EventRow) -> bytes:
        if row.encoded is not None:
            return row.encoded[:BODY]
        found = self._recorder.header(row.stream, row.version)
        return b"" if found is None else found[0]

    def _notification(self, row: EventRow) -> Notification:
        encoded = row.encoded if row.encoded is not None else self._recorder.encoded(row.stream, row.version)
        return Notification(row.stream, row.version, row.type, encoded or b"", row.position)
