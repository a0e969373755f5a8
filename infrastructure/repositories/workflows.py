"""Workflows read from their streams, each from the last save that matters."""

from datetime import datetime

from ...domain.errors import (
    EventsLost,
    InvalidRequest,
    StorageCorrupt,
    StorageUnavailable,
    VersionNotFound,
    WorkflowNotFound,
)
from ...domain.ports import EventStore, RecordedEvent
from ...domain.values.ids import workflow_stream
from ...domain.values.point_in_time import parse_moment
from ...domain.visible import quoted
from ...domain.workflow import (
    SAVES,
    WorkflowSnapshot,
    WorkflowState,
    WorkflowVersion,
    refuse_archived,
    state_of,
    versions_in,
)
from ...domain.workflow.definition import WorkflowDefinition
from ..queries.index.reader import Index
from .as_of import version_at


class WorkflowRepository:
    """Reads the streams of workflows."""

    def __init__(self, store: EventStore, index: Index) -> None:
        self._store = store
        self._index = index

    def get(self, workflow_id: str, version: int | str | None = None, at: datetime | None = None) -> WorkflowSnapshot:
        """The definition as it was at a version, as of a moment, or now.

        Raises WorkflowNotFound, VersionNotFound, NothingAsOf.
        """
        moment = parse_moment(self.resolve_version(workflow_id, version), at)
        head = self.head(workflow_id)
        asked = version_at(self._store, workflow_stream(workflow_id), moment, head, f"workflow {quoted(workflow_id)}")
        state = self.state_at(workflow_id, asked)
        latest = state if asked == head else self.state_at(workflow_id, head)
        return state.snapshot(is_latest=latest.saved_version == state.saved_version)

    def load_last_save(self, workflow_id: str) -> RecordedEvent:
        """The event of the last save. Raises WorkflowNotFound, IllegalTransition for an archived workflow."""
        events_since_save = self.events_since_save(workflow_id)
        if not events_since_save:
            raise WorkflowNotFound(workflow_id)
        refuse_archived(state_of(workflow_id, events_since_save))
        return events_since_save[0]

    def definition(self, workflow_id: str, version: int, digest: str) -> WorkflowDefinition:
        """The definition of a version that was saved with this digest.

        Raises EventsLost where the store holds another save at that version.
        """
        saved = self.get(workflow_id, version)
        if saved.digest != digest:
            stream = workflow_stream(workflow_id)
            raise EventsLost(stream, version, self._store.head(stream))
        return saved.definition

    def resolve_version(self, workflow_id: str, version: int | str | None, name: str = "version") -> int | None:
        """The version that a number or a snapshot id names; a number may be beyond the head.

        Raises InvalidRequest for what is neither; for a snapshot id WorkflowNotFound, VersionNotFound.
        """
        if isinstance(version, str):
            return self.version_of_snapshot(workflow_id, version)
        if version is not None and type(version) is not int:
            raise InvalidRequest(f"{name} {quoted(version)} is neither a whole number nor a snapshot id")
        return version

    def head(self, workflow_id: str) -> int:
        """The version of the last event. Raises WorkflowNotFound."""
        head = self._store.head(workflow_stream(workflow_id))
        if head == 0:
            raise WorkflowNotFound(workflow_id)
        return head

    def events_since_save(self, workflow_id: str, since: int | None = None) -> list[RecordedEvent]:
        """The events from the last save on, or from the last save at or before version ``since``.

        Empty where there is no such workflow.
        """
        events: list[RecordedEvent] = []
        for event in self._store.read(workflow_stream(workflow_id), backwards=True):
            events.append(event)
            if event.type in SAVES and (since is None or event.version <= since):
                break
        return events[::-1]

    def state_at(self, workflow_id: str, version: int) -> WorkflowState:
        """The state at a version that exists. Raises StorageCorrupt for a gap."""
        stream = workflow_stream(workflow_id)
        events: list[RecordedEvent] = []
        for event in self._store.read(stream, upto=version, backwards=True):
            if event.version != version - len(events):
                break
            events.append(event)
            if event.type in SAVES:
                return state_of(workflow_id, reversed(events))
        raise StorageCorrupt(
            f"event {version - len(events)} of stream {stream!r} is missing in the store: verify tells what else is"
        )

    def versions(self, workflow_id: str) -> list[WorkflowVersion]:
        """The whole history, oldest first. Raises WorkflowNotFound."""
        found = versions_in(self._store.read(workflow_stream(workflow_id)))
        if not found:
            raise WorkflowNotFound(workflow_id)
        return found

    def version_of_snapshot(self, workflow_id: str, snapshot_id: str) -> int:
        """The version of the save with a snapshot id. Raises WorkflowNotFound, VersionNotFound."""
        head = self.head(workflow_id)
        for event in self._store.read(workflow_stream(workflow_id), backwards=True):
            if event.data.get("snapshot_id") == snapshot_id:
                return event.version
        raise VersionNotFound(snapshot_id, head, f"workflow {workflow_id!r}")

    def has_snapshot_id(self, snapshot_id: str) -> bool:
        """Whether some save of the store has this snapshot id already."""
        try:
            return bool(self._index.saves_named(snapshot_id))
        except StorageUnavailable:
            return False  # no index yet, so no list to confuse; if the store is away, the save fails
