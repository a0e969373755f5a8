"""Keeping on record who looked at what."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from ....domain.ports import EventStore, ExpectedVersion, Write
from ....domain.viewings import Subject, viewed, viewed_stream

A_LOOK: Final = 5 * 60 * 1_000_000
"""Microseconds. Who looks at the same address again within them still looks, and is on record: a page that follows a
run asks for it at each of its steps."""

MOST_ADDRESSES: Final = 50
"""Of one thing that are recorded of one look, such as versions of a run that somebody leafs through."""

REMEMBERED: Final = 10_000
"""Looks that a process remembers: those that began last."""


class ViewingRecord:
    """Of one store. May be shared between threads."""

    def __init__(self, store: EventStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._lock = Lock()
        self._looks: OrderedDict[tuple[str, Subject, str], tuple[int, set[str]]] = OrderedDict()
        """When somebody began to look at a thing, and the addresses since."""

    def add(self, subject: Subject, id: str, address: str, *, by: str) -> None:
        """Record that somebody is shown this. Raises StoreReadOnly, StorageUnavailable."""
        now = self._now()
        with self._lock:
            began, addresses = self._looks.get((by, subject, id), (now, set[str]()))
            if now - began >= A_LOOK:
                began, addresses = now, set()
            if address in addresses or len(addresses) >= MOST_ADDRESSES:
                return
        event = viewed(subject, id, address, by=by, now=now)
        self._store.append(Write(viewed_stream(subject, id), ExpectedVersion.ANY, [event]))
        with self._lock:  # behind the append: what failed is tried again with the next request
            self._looks.pop((by, subject, id), None)
            self._looks[by, subject, id] = (began, addresses | {address})
            while len(self._looks) > REMEMBERED:
                self._looks.popitem(last=False)
