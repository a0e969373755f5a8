"""Bulk actions read from their streams, and the list of all."""

from ...domain.bulk import DIRECTORY, BulkDirectory, BulkState, evolve, evolve_directory
from ...domain.errors import BulkActionNotFound, InvalidRequest
from ...domain.ports import EventStore
from ...domain.values.ids import bulk_stream
from ...domain.visible import quoted


def load_bulk(store: EventStore, bulk_id: str) -> BulkState:
    """The bulk action as it stands. Raises BulkActionNotFound, InvalidRequest."""
    if not isinstance(bulk_id, str):
        raise InvalidRequest(f"the id of a bulk action is text, not {type(bulk_id).__name__}")
    if "\0" in bulk_id or len(bulk_id) > _LONGEST:
        raise InvalidRequest(f"{quoted(bulk_id)} is no id of a bulk action")
    state = BulkState(bulk_id)
    catch_up(store, state)
    if state.version == 0:
        raise BulkActionNotFound(bulk_id)
    return state


_LONGEST = 100


def catch_up(store: EventStore, state: BulkState) -> None:
    """Fold what was recorded since."""
    for event in store.read(bulk_stream(state.id), after=state.version):
        evolve(state, event.type, event.data)


def load_directory(store: EventStore, known: BulkDirectory | None = None) -> BulkDirectory:
    """The list of all, as it stands; ``known`` grows in place, unless the store has fewer events than it."""
    directory = known or BulkDirectory()
    head = store.head(DIRECTORY)
    if head < directory.version:  # the store was restored
        directory = BulkDirectory()
    if head > directory.version:
        for event in store.read(DIRECTORY, after=directory.version):
            evolve_directory(directory, event.type, event.data)
    return directory
