"""Subscriptions: iterators over the log that wait at its end for more."""

import asyncio
import logging
import os
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, NamedTuple, Self

from ....domain.errors import InvalidRequest, StorageUnavailable, StoreReadOnly
from ....domain.live import Unpicklable
from ....domain.ports import RecordedEvent
from ...concurrency.jitter import uniform
from ...concurrency.threads import ThreadPool
from .feed import Feed, end_wait
from .follower import Follower
from .names import Held, Leases

SHORTEST_BACKOFF: Final = 0.1
LONGEST_BACKOFF: Final = 5.0
"""Seconds between two attempts to reach a store that is away: doubled with each."""

_log = logging.getLogger("flowledger.store")


class Source(NamedTuple):
    """What the subscriptions of a ledger share."""

    feed: Feed
    leases: Leases
    threads: ThreadPool


class _Subscription(Unpicklable):
    """What both kinds have in common: who follows, how long, and how that ends."""

    _send_instead = "send the position of the last event that it delivered, and subscribe there"

    def __init__(
        self, source: Source, name: str | None, begin: Callable[[], tuple[Follower, Held | None]], *, catch_up: bool
    ) -> None:
        self._name = name
        self._source = source
        self._begin_with = begin
        self._catch_up = catch_up
        self._process = os.getpid()
        self._closed = False
        self._follower: Follower | None = None
        self._held: Held | None = None
        self._waits_for: Future[None] | None = None
        """What ``close`` ends."""
        self._backoff = SHORTEST_BACKOFF
        source.feed.attach(self)

    @property
    def name(self) -> str | None:
        """The name under which its position is kept; None where it isn't."""
        return self._name

    @property
    def position(self) -> int | None:
        """The position of the last event that it delivered, or behind which it began; None before it has begun."""
        return None if self._follower is None else self._follower.place.position

    def skip(self) -> None:
        """Pass over the event that couldn't be read: after EventNotReadable, and then ask for the next one.

        Raises InvalidRequest where there is no such event.
        """
        self._begun().skip()

    def _shut(self) -> None:
        """Deliver nothing any more, wake who waits, and let others take the name."""
        self._closed = True
        waits_for = self._waits_for
        if waits_for is not None:
            end_wait(waits_for)
        if self._process != os.getpid():
            return  # the name is the parent's
        self._source.feed.detach(self)
        if self._held is not None:
            self._source.leases.remove(self._held)

    def _begin(self) -> None:
        """Raises SubscriptionHeld, and what reading the store raises."""
        self._follower, self._held = self._begin_with()
        if self._held is not None:
            weakref.finalize(self, self._source.leases.drop, self._held).atexit = False
            if self._closed:
                self._source.leases.remove(self._held)

    def _begun(self) -> Follower:
        if self._follower is None:
            raise InvalidRequest("the subscription hasn't begun: ask for its first event")
        return self._follower

    def _is_closed(self) -> bool:
        return self._closed  # by another thread, at any moment

    def _check_process(self) -> None:
        if self._process != os.getpid():
            raise InvalidRequest("this subscription is that of the process that was forked: subscribe in the child")

    @contextmanager
    def _more(self, follower: Follower) -> "Generator[Future[None]]":
        """A future that is done when there may be more, or when this is closed."""
        with self._source.feed.waiting(follower.place) as moved:
            self._waits_for = moved
            try:
                if self._closed:
                    end_wait(moved)
                yield moved
            finally:
                self._waits_for = None

    def _back_off(self, error: StorageUnavailable) -> float:
        """How many seconds to wait before another attempt. Raises the error where that is the caller's business."""
        if self._catch_up or isinstance(error, StoreReadOnly):
            raise error
        if self._backoff == SHORTEST_BACKOFF:
            _log.warning("the log can't be followed now; this is tried again: %s", error)
        seconds, self._backoff = self._backoff, min(2 * self._backoff, LONGEST_BACKOFF)
        return seconds * uniform(0.75, 1.25)


class Subscription(_Subscription):
    """The events of the store, in order of position, as they come. Use it with ``with``, or call ``close``.

    For one thread at a time; ``close`` may be called from any.
    """

    def __init__(
        self, source: Source, name: str | None, begin: Callable[[], tuple[Follower, Held | None]], *, catch_up: bool
    ) -> None:
        super().__init__(source, name, begin, catch_up=catch_up)
        self._begin()

    def close(self) -> None:
        """End the iteration, at once also where it waits. The event that was delivered last isn't kept as done."""
        self._shut()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> RecordedEvent:
        self._check_process()
        follower = self._begun()
        while not self._is_closed():
            try:
                event = follower.take()
            except StorageUnavailable as error:
                if self._is_closed():
                    break
                self._pause(self._back_off(error))
                continue
            self._backoff = SHORTEST_BACKOFF
            if event is not None:
                return event
            if self._catch_up:
                break
            with self._more(follower) as moved:
                moved.result()
        self.close()
        raise StopIteration

    def _pause(self, seconds: float) -> None:
        """Wait for so long, or until this is closed."""
        ended = self._waits_for = Future()
        if self._closed:
            return
        with suppress(TimeoutError):
            ended.result(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncSubscription(_Subscription):
    """The same for a task: use it with ``async with``, or await ``aclose``. It begins with the first event asked for.

    A task that waits for an event may be cancelled at any moment: the event is delivered when it is asked for again.
    """

    _running: "Future[None] | None" = None
    """What runs in a thread: also after a task that waited for it was cancelled."""
    _taken: RecordedEvent | None = None
    """An event that no task has got yet."""

    async def aclose(self) -> None:
        """End the iteration, at once also where it waits. The event that was delivered last isn't kept as done."""
        if self._held is None:
            self._shut()
        else:
            await self._source.threads.run(self._shut)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RecordedEvent:
        self._check_process()
        while not self._is_closed():
            try:
                event = await self._next()
            except StorageUnavailable as error:
                if self._is_closed():
                    break
                await asyncio.sleep(self._back_off(error))
                continue
            self._backoff = SHORTEST_BACKOFF
            if event is not None:
                return event
            if self._catch_up:
                break
            with self._more(self._begun()) as moved:
                waiting = asyncio.wrap_future(moved)
                await asyncio.wait([waiting])
        await self.aclose()
        raise StopAsyncIteration

    async def _next(self) -> RecordedEvent | None:
        if self._running is not None:
            await self._finish(self._running)
        if self._follower is None:
            await self._run(self._begin)
        if self._taken is None:
            if self._begun().takes_no_time():
                return self._begun().take()
            await self._run(self._take)
        event, self._taken = self._taken, None
        return event

    def _take(self) -> None:
        self._taken = self._begun().take()

    async def _run(self, function: Callable[[], None]) -> None:
        self._running = self._source.threads.submit(function)
        await self._finish(self._running)

    async def _finish(self, running: "Future[None]") -> None:
        try:
            await asyncio.wrap_future(running)
        finally:
            if running.done():
                self._running = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def end_subscription(subscription: Subscription | AsyncSubscription) -> None:
    """Close either kind, from any thread."""
    subscription._shut()  # pyright: ignore[reportPrivateUsage] - private to callers
