"""Where streams stand: what a writer must know to go on with one."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
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
    """Where a stream stands: its version, and the digest that the next event links to."""

    version: int
    digest: bytes


class Hold:
    """Keeps a stream's head in mind: for as long as it lives, that isn't forgotten for want of room."""

    __slots__ = ("__weakref__", "head")

    def __init__(self) -> None:
        self.head: Head | None = None


class Heads(ResetOnFork):
    """The heads that were met last: a writer that goes on with a stream needs no read. Bounded, thread-safe.

    A remembered head may be behind, as others append too; and it may be gone, where a store was restored or failed
    over. So it is never believed: the statement that appends behind it looks whether it is there.
    """

    def __init__(self, capacity: int = HEADS_REMEMBERED) -> None:
        self._capacity = capacity
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._held: WeakValueDictionary[str, Hold] = WeakValueDictionary()
        self._lock = Lock()
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self._lock = Lock()  # whoever holds it isn't here

    def get(self, stream: str) -> Head | None:
        head = self._heads.get(stream)
        if head is None and (hold := self._held.get(stream)) is not None:
            return hold.head
        return head

    def hold(self, stream: str) -> Hold:
        """Keep in mind where this stream stands, however many others come by, until the hold is dropped."""
        with self._lock:
            hold = self._held.get(stream)
            if hold is None:
                hold = self._held[stream] = Hold()
            return hold

    def remember(self, heads: Mapping[str, Head]) -> None:
        with self._lock:
            for stream, head in heads.items():
                self._heads[stream] = head
                self._heads.move_to_end(stream)
            while len(self._heads) > self._capacity:
                stream, head = self._heads.popitem(last=False)
                if (hold := self._held.get(stream)) is not None:
                    hold.head = head

    def meet(self, stream: str, head: Head) -> None:
        """Remember a head that was read, unless a later one is known: the stream may have grown since it was read."""
        known = self.get(stream)
        if known is None or known.version < head.version:
            self.remember({stream: head})

    def forget(self, streams: Iterable[str]) -> None:
        with self._lock:
            for stream in streams:
                self._heads.pop(stream, None)
                if (hold := self._held.get(stream)) is not None:
                    hold.head = None


def check_stream(stream: str) -> None:
    """Raises InvalidValue for a name that no backend could keep: empty, too long, or not text."""
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
