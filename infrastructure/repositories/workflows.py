"""What the store knows of a workflow: its stream, read from the save that matters."""

from ...domain.errors import StorageCorrupt, StorageUnavailable, VersionNotFound, WorkflowNotFound
from ...domain.ports import EventStore, RecordedEvent
from ...domain.values.ids import workflow_stream
from ...domain.workflow import SAVES, WorkflowState, WorkflowVersion, state_of, versions_in
from ..queries.index.reader import Index


class WorkflowLog:
    """Reads the streams of workflows."""

    def __init__(self, store: EventStore, index: Index) -> None:
        self._store = store
        self._index = index

    def head(self, workflow_id: str) -> int:
        """The version of the last event. Raises WorkflowNotFound."""
        head = self._store.head(workflow_stream(workflow_id))
        if head == 0:
            raise WorkflowNotFound(workflow_id)
        return head

    def recent(self, workflow_id: str, since: int | None = None) -> list[RecordedEvent]:
        """The events from the last save on, or from the one that version ``since`` shows; none: no such workflow."""
        events: list[RecordedEvent] = []
        for event in self._store.read(workflow_stream(workflow_id), backwards=True):
            events.append(event)
            if event.type in SAVES and (since is None or event.version <= since):
                break
        return events[::-1]

    def state_at(self, workflow_id: str, version: int) -> WorkflowState:
        """The state at a version that is there. Raises StorageCorrupt for a gap."""
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

    def version_named(self, workflow_id: str, snapshot_id: str) -> int:
        """The version of the save that a snapshot id stands for. Raises WorkflowNotFound, VersionNotFound."""
        head = self.head(workflow_id)
        for event in self._store.read(workflow_stream(workflow_id), backwards=True):
            if event.data.get("snapshot_id") == snapshot_id:
                return event.version
        raise VersionNotFound(snapshot_id, head, f"workflow {workflow_id!r}")

    def is_taken(self, snapshot_id: str) -> bool:
        """Whether a snapshot id stands for some save of the store already."""
        try:
            return bool(self._index.saves_named(snapshot_id))
        except StorageUnavailable:
            return False  # no index yet, so no list to mistake it in; where the store is away, the save will tell
