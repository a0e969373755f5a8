"""Stream heads: what a writer must know to continue a stream."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from itertools import islice
from threading import Lock
from typing import NamedTuple
from weakref import WeakValueDictionary

from ...domain.errors import InvalidValue
from ...domain.visible import quoted
from ..concurrency.forking import ResetOnFork, register_for_forks

MAX_STREAM_BYTES = 1024
"""Longest stream name, in UTF-8: an index entry must hold it."""

HEADS_REMEMBERED = 4096


class Head(NamedTuple):
    """The end of a stream: its version, and the digest that the next event links to."""

    version: int
    digest: bytes
    is_sealed: bool = False
    """Whether the stream's events are sealed."""


class PinnedHead:
    """Pins a stream's head: as long as it lives, the head isn't evicted."""

    __slots__ = ("__weakref__", "head")

    def __init__(self) -> None:
        self.head: Head | None = None


class HeadCache(ResetOnFork):
    """A cache of the heads seen last, so that a writer continues a stream without a read. Bounded, thread-safe.

    A cached head may be outdated, as others append too; and it may be gone, where a store was restored or failed over.
    So it is never trusted: the statement that appends after it checks that it is there.
    """

    def __init__(self, capacity: int = HEADS_REMEMBERED) -> None:
        self._capacity = capacity
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._pinned: WeakValueDictionary[str, PinnedHead] = WeakValueDictionary()
        self._lock = Lock()
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self._lock = Lock()  # its holder isn't in the child

    def get(self, stream: str) -> Head | None:
        head = self._heads.get(stream)
        if head is None and (pin := self._pinned.get(stream)) is not None:
            return pin.head
        return head

    def newest(self, most: int) -> list[tuple[str, Head]]:
        """The heads that were seen last, the newest first."""
        with self._lock:
            return list(islice(reversed(self._heads.items()), most))

    def pin(self, stream: str) -> PinnedHead:
        """Keep the head of this stream, however many others are cached, until the returned object is dropped."""
        with self._lock:
            pin = self._pinned.get(stream)
            if pin is None:
                pin = self._pinned[stream] = PinnedHead()
            return pin

    def remember(self, heads: Mapping[str, Head]) -> None:
        with self._lock:
            for stream, head in heads.items():
                self._heads[stream] = head
                self._heads.move_to_end(stream)
            while len(self._heads) > self._capacity:
                stream, head = self._heads.popitem(last=False)
                if (pin := self._pinned.get(stream)) is not None:
                    pin.head = head

    def observe(self, stream: str, head: Head) -> None:
        """Cache a head that was read, unless a later one is known: the stream may have grown since."""
        known = self.get(stream)
        if known is None or known.version < head.version:
            self.remember({stream: head})

    def forget(self, streams: Iterable[str]) -> None:
        with self._lock:
            for stream in streams:
                self._heads.pop(stream, None)
                if (pin := self._pinned.get(stream)) is not None:
                    pin.head = None


def check_stream(stream: str) -> None:
    """Raises InvalidValue for a name that no backend could store: empty, too long, or not text."""
    if not isinstance(stream, str):
        raise InvalidValue("stream", f"{quoted(stream)} is not text")
    try:
        size = len(stream.encode())
    except UnicodeEncodeError as error:
        raise InvalidValue("stream", f"{quoted(stream)} is not Unicode text: {error.reason}") from None
    if not 0 < size <= MAX_STREAM_BYTES or "\0" in stream:
        raise InvalidValue(
            "stream", f"a name has 1 to {MAX_STREAM_BYTES} bytes and no NUL character, not {quoted(stream)}"
        )
