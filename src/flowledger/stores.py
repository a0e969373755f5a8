"""For stores of your own: write an ``EventLog``, three methods, and all of flowledger works on it."""

from .domain.ports import CheckpointStore, EventStore
from .infrastructure.store.hosting import event_store
from .infrastructure.store.log import AppendRefused, EventLog, LogRow, NewRow

__all__ = ["AppendRefused", "CheckpointStore", "EventLog", "EventStore", "LogRow", "NewRow", "event_store"]
