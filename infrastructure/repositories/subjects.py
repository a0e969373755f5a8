"""Reads what belongs to a subject from the store."""

from typing import TYPE_CHECKING

from ...domain.subjects import SubjectState, evolve_subject
from ...domain.values.ids import subject_stream

if TYPE_CHECKING:
    from ...domain.ports import EventStore


def load_subject(store: "EventStore", key_id: str) -> SubjectState:
    """The subject whose key has this id, as it stands now. Raises StorageUnavailable, EventNotReadable."""
    state = SubjectState(key_id)
    for event in store.read(subject_stream(key_id)):
        evolve_subject(state, event.type, event.data)
    return state
