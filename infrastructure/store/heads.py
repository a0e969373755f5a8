"""Where streams stand: what a writer must know to go on with one."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import NamedTuple

from ...domain.errors import InvalidValue

MAX_STREAM_BYTES = 1024
"""Longest stream name, in UTF-8: an index entry must hold it."""

HEADS_REMEMBERED = 4096


class Head(NamedTuple):
    """Where a stream stands: its version, and the digest that the next event links to."""

    version: int
    digest: bytes


class Heads:
    """The heads that were met last: a writer that goes on with a stream needs no read. Bounded, thread-safe.

    A remembered head may be behind, as others append too, but it is never wrong: what it names is stored.
    """

    def __init__(self, capacity: int = HEADS_REMEMBERED) -> None:
        self._capacity = capacity
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._lock = Lock()

    def get(self, stream: str) -> Head | None:
        return self._heads.get(stream)

    def remember(self, heads: Mapping[str, Head]) -> None:
        with self._lock:
            for stream, head in heads.items():
                self._heads[stream] = head
                self._heads.move_to_end(stream)
            while len(self._heads) > self._capacity:
                self._heads.popitem(last=False)

    def forget(self, streams: Iterable[str]) -> None:
        with self._lock:
            for stream in streams:
                self._heads.pop(stream, None)


def check_stream(stream: str) -> None:
    """Raises InvalidValue for a name that no backend could keep: empty, too long, or not text."""
    if not isinstance(stream, str):
        raise InvalidValue("stream", f"{stream!r} is not text")
    try:
        size = len(stream.encode())
    except UnicodeEncodeError as error:
        raise InvalidValue("stream", f"{stream!r} is not Unicode text: {error.reason}") from None
    if not 0 < size <= MAX_STREAM_BYTES or "\0" in stream:
        raise InvalidValue(
            "stream", f"a name has 1 to {MAX_STREAM_BYTES} bytes and no NUL character, not {stream[:80]!r}"
        )
