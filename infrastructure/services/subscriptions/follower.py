"""One who follows the log: where it stands, and what comes next."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....domain.errors import InvalidRequest
from ....domain.ports import RecordedEvent
from ...storage.subscription_table import Place
from .feed import Feed
from .names import Held
from .reading import place_of, read_behind

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore
    from ...storage.recorder import EventRow


class Follower:
    """Takes event after event. For one thread at a time."""

    def __init__(self, store: "LedgerEventStore", feed: Feed | None, place: Place, held: Held | None) -> None:
        """``feed`` is for who waits at the end; who wants to know where that is reads by itself."""
        self._store = store
        self._feed = feed
        self._held = held
        self._page: deque[EventRow] = deque()
        self._unkept: Place | None = None
        self._may_skip = False
        self.place = place
        """Behind the last event that was taken."""

    def take(self) -> RecordedEvent | None:
        """Keep the place behind the last event, and take the next one; None at the end of the log.

        Raises SubscriptionHeld, EventsLost, StorageUnavailable, and EventNotReadable for an event that ``skip`` passes.
        """
        if self._unkept is not None and self._held is not None:
            self._held.keep(self._unkept)
            self._unkept = None
        if not self._page:
            rows = self._rows_in_memory()
            self._page.extend(read_behind(self._store, self.place) if rows is None else rows)
        if not self._page:
            return None
        self._may_skip = True
        event = self._store.recorded(self._page[0])
        self._pass()
        return event

    def skip(self) -> None:
        """Pass the event that couldn't be read. Raises InvalidRequest where there is none."""
        if not self._may_skip or not self._page:
            raise InvalidRequest("there is no event that couldn't be read: nothing is skipped")
        self._pass()

    def takes_no_time(self) -> bool:
        """Whether the next event is in memory, and nothing has to be kept before."""
        if self._unkept is not None and self._held is not None:
            return False
        if not self._page:
            self._page.extend(self._rows_in_memory() or ())
        return bool(self._page) and self._page[0].encoded is not None

    def _rows_in_memory(self) -> "Sequence[EventRow] | None":
        return None if self._feed is None else self._feed.rows_behind(self.place)

    def _pass(self) -> None:
        self._may_skip = False
        place = place_of(self._store, self._page[0])
        self._page.popleft()
        self.place = self._unkept = place
