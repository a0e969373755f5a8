"""Following the log: notifications as they come, by polling, so that writers pay nothing for their readers."""

from collections import deque
from collections.abc import Sequence
from threading import Event

from eventsourcing.persistence import Notification, Subscription

from .recorder import LedgerRecorder, Row

SHORTEST_PAUSE = 0.004
LONGEST_PAUSE = 0.128
"""Seconds between two looks at the log: doubled with each that finds nothing."""


class PollingSubscription(Subscription[LedgerRecorder]):
    """Every notification with ``id > gt``, of the given topics if there are any, in order; then waits for more.

    For one reading thread; ``stop`` may be called from any. Raises eventsourcing's PersistenceError when the store
    can't be read; iterating again goes on with the notification that was due.
    """

    def __init__(self, recorder: LedgerRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._stopped = Event()
        # The recorder's pages and not its select_notifications: they bound memory, and as they hold every type, the
        # reader of a rare one doesn't walk through all the others again with each look.
        self._page: deque[Row] = deque()
        self._seen = gt or 0

    def stop(self) -> None:
        """End the iteration, at once also where it waits."""
        super().stop()
        self._stopped.set()

    def __next__(self) -> Notification:
        pause = SHORTEST_PAUSE
        while not self._stopped.is_set():
            if not self._page:
                self._page.extend(self._recorder.log_page(self._seen))
            if not self._page:
                self._stopped.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            # Counted as seen when there is nothing left that could fail.
            row = self._page[0]
            wanted = not self._topics or row.type in self._topics
            notification = self._notification(row) if wanted else None
            self._page.popleft()
            self._seen = row.position
            if notification is not None:
                return notification
        raise StopIteration

    def _notification(self, row: Row) -> Notification:
        state = row.state if row.state is not None else self._recorder.state(row.stream, row.version)
        return Notification(row.stream, row.version, row.type, state or b"", row.position)
