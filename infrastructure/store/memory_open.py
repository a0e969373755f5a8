"""A new store in memory."""

from ..search.sqlite import SQLiteSearch
from .codec import LedgerMapper
from .event_store import LedgerEventStore
from .memory import Factory
from .memory_checkpoints import MemoryCheckpoints


def open_memory(mapper: LedgerMapper) -> LedgerEventStore:
    """A store that is gone when it is closed."""
    recorder = Factory({}).application_recorder()
    return LedgerEventStore(mapper, recorder, MemoryCheckpoints(), SQLiteSearch(recorder, recorder.transaction))
