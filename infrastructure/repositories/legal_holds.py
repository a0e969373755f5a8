"""Reads legal holds from the store."""

from typing import TYPE_CHECKING

from ...domain.events.personal import SEALED_BY
from ...domain.retention import LEGAL_HOLDS, HoldTarget, LegalHold, LegalHolds, evolve_legal_holds
from .work_orders import load_started, load_work_order

if TYPE_CHECKING:
    from ...domain.ports import EventStore


def load_legal_holds(store: "EventStore") -> LegalHolds:
    """All holds as they stand now. Raises StorageUnavailable, EventNotReadable."""
    holds = LegalHolds()
    for event in store.read(LEGAL_HOLDS):
        evolve_legal_holds(holds, event.type, event.data)
    return holds


def load_holds_on(store: "EventStore", run_id: str) -> list[LegalHold]:
    """The holds that keep a run: on it, on a subject of its, or on another run of its work order, with which it stays.

    Raises RunNotFound, StorageUnavailable, EventNotReadable.
    """
    first, holds = load_started(store, run_id), load_legal_holds(store).holds
    if not holds:
        return []
    order = load_work_order(store, first["correlation_id"])
    targets = {HoldTarget("run", run) for run in (run_id, *order.runs, *order.reproductions, *order.forks)}
    targets |= {HoldTarget("subject", key) for key in first.get(SEALED_BY, ())}
    return [hold for target, hold in holds.items() if target in targets]
