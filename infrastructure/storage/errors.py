"""Errors of recorders, and the errors of flowledger's tree that stand for them."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    InternalError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
)

from ...domain.errors import (
    FlowledgerError,
    NotStorable,
    StorageCorrupt,
    StorageUnavailable,
    StoreReadOnly,
    TransactionConflict,
)
from ...domain.ports import Guard


class ConnectionLost(OperationalError):
    """The connection broke while the server was at work: whether it committed is unknown."""


class TransactionOutdated(OperationalError):
    """The transaction in which events were to be stored can't take them any more."""


class RemovalDelayed(OperationalError):
    """Others hold what a removal needs for a moment. Nothing was done: it can be tried again."""


class WriteRefused(OperationalError):
    """The store can be read, but not written to."""


class PredecessorMissing(IntegrityError):
    """An event was to follow one that isn't stored: the store has lost it, or holds another one in its place."""


class GuardRefused(IntegrityError):
    """A stream doesn't end any more with the event that was a condition of the append."""


def guard_refused(guards: Sequence[Guard]) -> GuardRefused:
    """The error for an append on these conditions, of which one doesn't hold."""
    known = ", ".join(f"event {guard.version} of stream {guard.stream!r}" for guard in guards)
    return GuardRefused(f"this was to be stored only while {known} came last")


def predecessor_missing(stream: str, version: int) -> PredecessorMissing:
    """The error for an event that is to follow one that isn't there."""
    return PredecessorMissing(f"event {version} of stream {stream!r} doesn't follow the one that is stored before it")


def to_storage_error(error: PersistenceError) -> FlowledgerError:
    """Translate an error of a recorder into flowledger's tree."""
    kind = next((ours for theirs, ours in _TRANSLATIONS if isinstance(error, theirs)), StorageUnavailable)
    return kind(str(error))


_TRANSLATIONS: Sequence[tuple[type[PersistenceError], type[FlowledgerError]]] = (
    (WriteRefused, StoreReadOnly),
    (TransactionOutdated, TransactionConflict),
    (DataError, NotStorable),
    (IntegrityError, NotStorable),
    (InternalError, StorageCorrupt),
    (ProgrammingError, StorageCorrupt),
)


@contextmanager
def translate_errors() -> Generator[None]:
    """Translate errors of a recorder that the block raises into flowledger's tree."""
    try:
        yield
    except PersistenceError as error:
        raise to_storage_error(error) from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise NotStorable(f"the store was asked for a value that it can't hold: {error}") from error
