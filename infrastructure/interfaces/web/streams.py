"""The streams of events that are open, so that they can be counted and ended."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from ...ledger.ledger import Ledger
from ...services.subscriptions.subscription import AsyncSubscription, end_subscription
from .security.refusals import Refusal

MOST_STREAMS: Final = 2_000
"""At once, of one app."""


class Streams:
    """The open ones of one app."""

    def __init__(self) -> None:
        self._open: set[AsyncSubscription] = set()
        self._ended = False

    def refuse_more(self) -> None:
        """Raises Refusal where as many are open as may be."""
        if len(self._open) >= MOST_STREAMS:
            raise Refusal(
                503,
                "Too many streams",
                f"{MOST_STREAMS:,} streams are open, and no more are: ask again in a minute, or poll",
                {"Retry-After": "60"},
            )

    @asynccontextmanager
    async def follow(self, ledger: Ledger, after: Any) -> AsyncGenerator[AsyncSubscription]:
        """The events behind a position; none once the streams were ended."""
        async with ledger.asubscribe(after) as events:
            self._open.add(events)
            try:
                if self._ended:
                    end_subscription(events)
                yield events
            finally:
                self._open.discard(events)

    def end(self) -> None:
        """End all, at once, and those that come."""
        self._ended = True
        for events in list(self._open):
            end_subscription(events)

    def begin(self) -> None:
        """Allow streams again: the app is served anew."""
        self._ended = False
