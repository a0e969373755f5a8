"""For stores of your own: write an ``EventLog``, three methods, and all of flowledger works on it."""

from .domain.ports import CheckpointStore, EventStore
from .infrastructure.storage.log.event_log import AppendRefused, EventLog, LogRow, NewRow
from .infrastructure.storage.log.event_store import event_store

__all__ = ["AppendRefused", "CheckpointStore", "EventLog", "EventStore", "LogRow", "NewRow", "event_store"]
