"""The index: the changes that an append makes to it, in the append's own transaction."""

import re
from collections.abc import Sequence

from eventsourcing.persistence import StoredEvent

from ...projections.index.changes import IndexChanges, PlacedEvent, changes_of
from .stored_events import IndexedEvent

TABLES = (
    "flowledger_index_runs",
    "flowledger_index_work_orders",
    "flowledger_index_changes",
    "flowledger_index_workflows",
    "flowledger_index_saves",
)
"""In the order in which every statement locks them, so that there are no deadlocks."""

PARTS = ("runs", "moves", "touches", "orders", "order_moves", "changes", "workflows", "workflow_moves", "saves")
"""The statements of ``index.sql``, in the order of the tables that they change."""


def changes_in(events: Sequence[StoredEvent]) -> IndexChanges | None:
    """The changes that the events of one commit make to the index, their places counted from 1.

    None where there are none, and no guards either: then the events are all that there is to be stored or looked at.
    """
    indexed = [(place, event) for place, event in enumerate(events, 1) if isinstance(event, IndexedEvent)]
    if not indexed:
        return None
    return changes_of(
        [
            PlacedEvent(place, str(event.originator_id), event.originator_version, event.topic, event.data)
            for place, event in indexed
            if event.data
        ]
    )


def for_rebuild(sql: str) -> str:
    """The same statement on the tables in which a rebuild makes the new index."""
    return re.sub(r"\bflowledger_index_", "flowledger_rebuilt_", sql)
