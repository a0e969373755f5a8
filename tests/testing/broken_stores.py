"""Stores that are wrong on purpose, each in one way that a store may be wrong without anybody noticing for long."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Any

from flowledger.domain.errors import ConcurrencyError
from flowledger.domain.ports import EventStore, ExpectedVersion, Guard, RecordedEvent, Write
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.memory.checkpoints import MemoryCheckpoints

ANY = ExpectedVersion.ANY
MOMENT = 0.001
"""The time between two steps that should be one: as long as a round trip to a server."""


# --- checkpoints ------------------------------------------------------------------------------------------------------


class PageByPage(MemoryCheckpoints):
    """Saves pages in as many commits."""

    def save(self, stream: str, fold_revision: int, pages: Mapping[int, bytes]) -> None:
        for version, content in pages.items():
            super().save(stream, fold_revision, {version: content})
            time.sleep(0)


class AnyFold(MemoryCheckpoints):
    """Doesn't ask who folded."""

    def save(self, stream: str, fold_revision: int, pages: Mapping[int, bytes]) -> None:
        super().save(stream, 1, pages)

    def pages(self, stream: str, upto: int | None, fold_revision: int) -> Iterator[tuple[int, bytes]]:
        return super().pages(stream, upto, 1)


class NewestFirst(MemoryCheckpoints):
    """Has its own order."""

    def pages(self, stream: str, upto: int | None, fold_revision: int) -> Iterator[tuple[int, bytes]]:
        return iter(list(super().pages(stream, upto, fold_revision))[::-1])


# --- round a sound store ----------------------------------------------------------------------------------------------


class Wrapper:
    """A store that does what another one does."""

    def __init__(self, inner: EventStore) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def loosened(store: EventStore, writes: Sequence[Write]) -> list[Write]:
    """The writes, compared with the store as it is now, as writes that take any version."""
    heads: dict[str, int] = {}
    loose: list[Write] = []
    for stream, expected, events in writes:
        head = heads.get(stream, store.head(stream))
        wanted = 0 if expected is ExpectedVersion.NO_STREAM else expected
        if isinstance(wanted, int) and head != wanted:
            raise ConcurrencyError(stream, wanted, head)
        heads[stream] = head + len(events)
        loose.append(Write(stream, ANY, events))
    return loose


class Racy(Wrapper):
    """Compares, and appends a moment later."""

    def append(self, *writes: Write) -> list[int]:
        loose = loosened(self._inner, writes)
        time.sleep(MOMENT)
        return self._inner.append(*loose)


class RacyAtOnce(Wrapper):
    """Compares, and appends at once; but in two steps."""

    def append(self, *writes: Write) -> list[int]:
        loose = loosened(self._inner, writes)
        time.sleep(0)  # a fast machine would hardly ever let another thread in
        return self._inner.append(*loose)


class Unguarded(Wrapper):
    """Knows of guards, and looks at none."""

    def append_while(self, guard: Guard, *writes: Write) -> list[int]:
        return self._inner.append(*writes)


class RacyTasks(Wrapper):
    """Two steps where tasks append; threads are safe."""

    async def aappend(self, *writes: Write) -> list[int]:
        loose = loosened(self._inner, writes)
        await asyncio.sleep(0)
        return await self._inner.aappend(*loose)


class TwoLocks(Wrapper):
    """Two steps under a lock: one lock for threads, another one for tasks."""

    def __init__(self, inner: EventStore) -> None:
        super().__init__(inner)
        self._threads, self._tasks = Lock(), Lock()

    def append(self, *writes: Write) -> list[int]:
        with self._threads:
            loose = loosened(self._inner, writes)
            time.sleep(MOMENT)
            return self._inner.append(*loose)

    async def aappend(self, *writes: Write) -> list[int]:
        with self._tasks:
            loose = loosened(self._inner, writes)
            return self._inner.append(*loose)


class LockOfItsOwn(Racy):
    """Two steps under a lock, which other openers of the store don't know."""

    def __init__(self, inner: EventStore) -> None:
        super().__init__(inner)
        self._lock = Lock()

    def append(self, *writes: Write) -> list[int]:
        with self._lock:
            return super().append(*writes)


class LockOfTheProcess(Racy):
    """Two steps under a lock, which other processes don't know."""

    _lock = Lock()

    def append(self, *writes: Write) -> list[int]:
        with self._lock:
            return super().append(*writes)


class RacyBeginnings(Wrapper):
    """Two steps where a stream begins."""

    def append(self, *writes: Write) -> list[int]:
        if any(write.expected is ExpectedVersion.NO_STREAM for write in writes):
            return self._inner.append(*loosened(self._inner, writes))
        return self._inner.append(*writes)


class Lenient(Wrapper):
    """Reports success for an append that was refused."""

    def append(self, *writes: Write) -> list[int]:
        try:
            return self._inner.append(*writes)
        except ConcurrencyError as error:
            if error.actual < 3:
                raise
            return [event.position for event in self._inner.tail()][-len(writes) :]


class GivesUp(Wrapper):
    """Appends to any version by a look at the head, and gives up without a word when somebody was faster."""

    def append(self, *writes: Write) -> list[int]:
        given = [
            write if write.expected is not ANY else write._replace(expected=self.head(write.stream)) for write in writes
        ]
        try:
            return self._inner.append(*given)
        except ConcurrencyError:
            if given == list(writes):
                raise
            return [event.position for event in self._inner.tail()][-1:]


class OneByOne(Wrapper):
    """Appends to several streams in as many commits."""

    def append(self, *writes: Write) -> list[int]:
        loosened(self._inner, [write for write in writes if write.expected is not ANY])
        positions: list[int] = []
        for write in writes:
            time.sleep(MOMENT)  # others come between any two
            positions += self._inner.append(write)
        return positions


class SharedBuffer(Wrapper):
    """Keeps what it is about to append where other threads put theirs."""

    def append(self, *writes: Write) -> list[int]:
        self._about_to_append = writes
        time.sleep(0)
        return self._inner.append(*self._about_to_append)


class TellsTooSoon(Wrapper):
    """Tells a head before the events are there."""

    def __init__(self, inner: EventStore) -> None:
        super().__init__(inner)
        self._soon: dict[str, int] = {}

    def append(self, *writes: Write) -> list[int]:
        for stream, _, events in writes:
            self._soon[stream] = self._inner.head(stream) + len(events)
        time.sleep(MOMENT)
        try:
            return self._inner.append(*writes)
        finally:
            for write in writes:
                self._soon.pop(write.stream, None)

    def head(self, stream: str) -> int:
        return self._soon.get(stream) or self._inner.head(stream)


class NothingTwice(Wrapper):
    """Takes an event that says the same as another one for a second try to append that."""

    def __init__(self, inner: EventStore) -> None:
        super().__init__(inner)
        self._known: dict[str, list[int]] = {}

    def append(self, *writes: Write) -> list[int]:
        told = repr([(write.stream, list(write.events)) for write in writes])
        if told not in self._known:
            self._known[told] = self._inner.append(*writes)
        return self._known[told]


class StaleHeads(Wrapper):
    """Remembers the heads that it has met, whoever appends meanwhile."""

    def __init__(self, inner: EventStore) -> None:
        super().__init__(inner)
        self._heads: dict[str, int] = {}

    def head(self, stream: str) -> int:
        if not self._heads.get(stream):
            self._heads[stream] = self._inner.head(stream)
        return self._heads[stream]

    def append(self, *writes: Write) -> list[int]:
        positions = self._inner.append(*writes)
        for write in writes:
            self._heads.pop(write.stream, None)
        return positions


class Late(Wrapper):
    """Acknowledges an append, and stores it with the next one or when it is closed."""

    def __init__(self, inner: EventStore) -> None:
        super().__init__(inner)
        self._waiting: list[Write] = []
        self._position = 0

    def append(self, *writes: Write) -> list[int]:
        self._store()
        head = loosened(self._inner, writes)
        count = sum(len(write.events) for write in head)
        self._waiting = list(writes)
        last = max((event.position for event in self._inner.tail()), default=0)
        return list(range(last + 1, last + 1 + count))

    def _store(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._inner.append(*waiting)

    def close(self) -> None:
        self._store()
        self._inner.close()


class TwicePolled(Wrapper):
    """Delivers the event that a reader goes on behind once more."""

    def tail(self, *, after: int = 0) -> Iterator[RecordedEvent]:
        return self._inner.tail(after=max(after - 1, 0))


# --- in another process -----------------------------------------------------------------------------------------------


def opened_under_a_lock_of_the_process(url: str) -> EventStore:
    return LockOfTheProcess(open_store(url))  # type: ignore[return-value]
