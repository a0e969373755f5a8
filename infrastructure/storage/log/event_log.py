"""The smallest interface of a store of your own: a log of rows. The rest of a ledger is built on it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ....domain.errors import StorageError


class NewRow(NamedTuple):
    """An event to be stored."""

    stream: str
    """At most 1024 bytes of UTF-8, without NUL; two that differ in case or accents are two."""
    version: int
    """Its place in the stream: 1 for the first."""
    type: str
    """The event's stable name."""
    state: bytes
    """The encoded event, linked to the one before. To be kept byte for byte."""
    previous: bytes = b""
    """The digest of the event before it, 32 bytes of its state; empty where it is stored with this one, or is none."""

    def follows(self, state: bytes) -> bool:
        """Whether this row may go behind a stored one with this state.

        For logs that can lose committed events, by a failover or a restore: a writer that has seen a lost event would
        break the hash chain.
        """
        return not self.previous or state[9:41] == self.previous


class LogRow(NamedTuple):
    """A stored event: the same, and its position in the whole log."""

    stream: str
    version: int
    position: int
    """Grows with every commit; may have gaps."""
    type: str
    state: bytes


class AppendRefused(StorageError):
    """A log can't append rows, as they don't continue at the end of their streams; none of them was stored."""


class EventLog(ABC):
    """Rows in streams, appended and never changed. May be shared by threads, and by all who open the same log.

    Three methods must be implemented; ``head`` may be, where there is a cheaper way than reading the last row.

    They raise StorageUnavailable when the log can't be used and nothing was stored, StorageCorrupt when it contradicts
    itself. Any other error is taken for a lost connection: the ledger then looks for the appended rows, and appends
    them once more if they aren't there.
    """

    @abstractmethod
    def append(self, rows: Sequence[NewRow]) -> Sequence[int]:
        """Store all rows in one durable commit, or none of them. Returns their positions, in the order of the rows.

        Each row must continue at the end of its stream, counting the rows before it: its version doesn't exist yet, and
        the one before does. Raises AppendRefused otherwise. This decides races, so it must be atomic with the commit. A
        log that can lose events also checks that the row ``follows`` the stored one before it. Positions are greater
        than those of every append that had returned when this one began.
        """

    @abstractmethod
    def stream(self, stream: str, after: int, upto: int | None, *, backwards: bool = False) -> Iterable[LogRow]:
        """The rows of a stream with ``after < version <= upto`` in order of versions, or in the opposite one.

        Read lazily where there may be many: rows are taken one by one, and only as many as needed. Every append that
        has returned is visible, and nothing of a partial one.
        """

    @abstractmethod
    def tail(self, after: int) -> Iterable[LogRow]:
        """The rows of all streams with ``position > after``, in order of position, as far as the log is settled.

        A row is held back while a running commit could still precede it: a reader that continues after the last row it
        got must never miss one. Read lazily, too.
        """

    def head(self, stream: str) -> int:
        """The version of the stream's last row; 0 when there is none."""
        return next((row.version for row in self.stream(stream, 0, None, backwards=True)), 0)

    def close(self) -> None:  # noqa: B027 - not every log has something to release
        """Release resources. The log can't be used afterwards."""
