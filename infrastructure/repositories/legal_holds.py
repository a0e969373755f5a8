"""Reads legal holds from the store."""

from typing import TYPE_CHECKING

from ...domain.retention import LEGAL_HOLDS, LegalHolds, evolve_legal_holds

if TYPE_CHECKING:
    from ...domain.ports import EventStore


def load_legal_holds(store: "EventStore") -> LegalHolds:
    """All holds as they stand now. Raises StorageUnavailable, EventNotReadable."""
    holds = LegalHolds()
    for event in store.read(LEGAL_HOLDS):
        evolve_legal_holds(holds, event.type, event.data)
    return holds
