"""Something is wrong with the store."""

from ..visible import quoted
from .base import FlowledgerError


class StorageError(FlowledgerError):
    """Something is wrong with the store."""


class StorageUnavailable(StorageError):
    """The store can't be reached or can't take the write now (server away, disk full or read-only, wrong password).

    What was acknowledged before is safe. Repair the cause, then ``proceed`` with the run.
    """


class StoreReadOnly(StorageUnavailable):
    """The store can be read, but not written to: a replica, a file or disk without the right to write, a reader's role.

    Nothing is wrong with it: write where it may be written to.
    """


class StorageCorrupt(StorageError):
    """The store is not a flowledger store, or its content contradicts itself."""


class EventsLost(StorageError):
    """The store doesn't hold events any more that this process had written to it, or read from it.

    It was restored from a backup, or failed over to a server that lacked its newest events. Nothing was written: what
    this call was based on is gone. ``known`` is the version of ``stream`` that had been seen, ``stored`` the one that
    it has now; where that isn't below, others have written other events in place of the lost ones. The next call
    begins with what is stored: read the stream, or ``proceed`` with the run.
    """

    def __init__(self, stream: str, known: int, stored: int) -> None:
        self.stream = stream
        self.known = known
        self.stored = stored
        if stored >= known:
            what = f"event {known} of stream {quoted(stream)} is another one now, and it has {stored} events"
        elif stored == 0:
            what = f"stream {quoted(stream)} was at version {known}, and is gone"
        else:
            lost = f"event {known} is" if known == stored + 1 else f"events {stored + 1} to {known} are"
            what = f"stream {quoted(stream)} was at version {known}, and is at {stored} now: {lost} gone"
        super().__init__(
            f"the store has lost events that were in it: {what}. It was restored from a backup, or failed over to a "
            "server that lacked its newest events. Nothing was written; read it again, and go on from there "
            "(a run with proceed)"
        )


class EventNotReadable(StorageError):
    """One stored event can't be read (tampered with, truncated, of an unknown type). Other streams stay readable."""

    def __init__(self, stream: str, version: int, reason: str) -> None:
        self.stream = stream
        self.version = version
        self.reason = reason
        super().__init__(f"event {version} of stream {quoted(stream)} can't be read: {reason}")
