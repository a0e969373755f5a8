"""What it takes to keep events elsewhere: a log of rows, and nothing else. All that a ledger is, is made of it here."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ....domain.errors import StorageError


class NewRow(NamedTuple):
    """An event as it is to be stored."""

    stream: str
    """At most 1024 bytes of UTF-8, without NUL; two that differ in case or accents are two."""
    version: int
    """Its place in the stream: 1 for the first."""
    type: str
    """The event's stable name."""
    state: bytes
    """What it says, linked to the event before. To be kept byte for byte."""
    previous: bytes = b""
    """The digest of the event before it, 32 bytes of its state; empty where it is stored with this one, or is none."""

    def follows(self, state: bytes) -> bool:
        """Whether this row may go behind a stored one with this state.

        For logs that can lose what was committed, by a failover or a restore: a writer who has seen an event that is
        another one now would break the chain.
        """
        return not self.previous or state[9:41] == self.previous


class LogRow(NamedTuple):
    """An event as it is stored: the same, and its place in the whole log."""

    stream: str
    version: int
    position: int
    """Grows with every commit; may have gaps."""
    type: str
    state: bytes


class AppendRefused(StorageError):
    """A log can't append rows, as they don't go on where their streams end; none of them was stored."""


class EventLog(ABC):
    """Rows in streams, appended and never changed. May be shared between threads, and by all who open the same log.

    Three methods are to be written; ``head`` may be, where there is a cheaper way than reading the last row.

    What they raise: StorageUnavailable when the log can't be used and nothing was stored, StorageCorrupt when it
    contradicts itself. Anything else is taken for a connection that was lost: an append is then looked for, and made
    once more if it isn't there.
    """

    @abstractmethod
    def append(self, rows: Sequence[NewRow]) -> Sequence[int]:
        """Store all rows in one durable commit, or none of them. Returns their positions, in the order of the rows.

        Each row must go on where its stream ends by then, the rows before it included: its version isn't there yet, and
        the one before it is. Raises AppendRefused where that isn't so. This is what decides races, so it must be one
        step with the commit. A log that can lose events looks also whether the row ``follows`` what is there before it.
        Positions are greater than those of every append that was over when this one began.
        """

    @abstractmethod
    def stream(self, stream: str, after: int, upto: int | None, *, backwards: bool = False) -> Iterable[LogRow]:
        """The rows of a stream with ``after < version <= upto`` in order of versions, or in the opposite one.

        Read lazily where there may be many: rows are taken one by one, and no more than are needed. All appends that
        are over are seen, and nothing of one that isn't.
        """

    @abstractmethod
    def tail(self, after: int) -> Iterable[LogRow]:
        """The rows of all streams with ``position > after``, in order of position, as far as the log is settled.

        A row is held back while a commit under way could still put one before it: who goes on behind the last row that
        it got must never miss any. Read lazily, too.
        """

    def head(self, stream: str) -> int:
        """The version of the stream's last row; 0 when there is none."""
        return next((row.version for row in self.stream(stream, 0, None, backwards=True)), 0)

    def close(self) -> None:  # noqa: B027 - not every log has something to release
        """Release what is held. The log can't be used afterwards."""
