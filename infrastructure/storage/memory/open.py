"""A new store in memory."""

from ..codec import LedgerMapper
from ..event_store import LedgerEventStore
from ..sqlite.search import SQLiteSearch
from ..sqlite.subscriptions import sqlite_subscriptions
from ..sqlite.tree import sqlite_tree
from ..wakeups import Wakeups
from .checkpoints import MemoryCheckpoints
from .recorder import MemoryRecorder


def open_memory(mapper: LedgerMapper) -> LedgerEventStore:
    """A store that is gone when it is closed."""
    recorder = MemoryRecorder()
    search = SQLiteSearch(recorder, recorder.transaction)
    subscriptions = sqlite_subscriptions(recorder.transaction)
    tree = sqlite_tree(recorder, recorder.transaction)
    return LedgerEventStore(mapper, recorder, MemoryCheckpoints(), search, Wakeups(), None, subscriptions, tree)
