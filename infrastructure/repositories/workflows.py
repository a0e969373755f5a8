"""Workflows read from their streams, each from the last save that matters."""

from datetime import datetime
from typing import Final, NamedTuple

from ...domain.errors import (
    EventsLost,
    InvalidRequest,
    StorageCorrupt,
    StorageUnavailable,
    VersionNotFound,
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
from .missing import missing_workflow

LIVE: Final = "live"
"""Names the version that runs start with, wherever a version is taken."""

LATEST: Final = "latest"
"""Names the version that was saved last, drafts included."""


class SaveToStart(NamedTuple):
    """What a run starts with, and where the workflow's stream ended when that was read."""

    saved: RecordedEvent
    """The save of the version."""
    last: RecordedEvent
    """The last event of the stream, which may be the same."""


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
        asked = version_at(self._store, workflow_stream(workflow_id), moment, head, _subject(workflow_id))
        state = self.state_at(workflow_id, asked)
        latest = state if asked == head else self.state_at(workflow_id, head)
        return state.snapshot(
            is_latest=latest.saved_version == state.saved_version, is_live=latest.live_version == state.saved_version
        )

    def load_save_to_start(self, workflow_id: str, version: int | str | None = None) -> SaveToStart:
        """The save that a run starts with: that of a version, or by default the live one.

        Raises WorkflowNotFound, VersionNotFound (also where none is live), IllegalTransition for an archived workflow.
        """
        recent = self.events_since_save(workflow_id)
        if not recent:
            raise missing_workflow(self._store, workflow_id)
        state = state_of(workflow_id, recent)
        refuse_archived(state)
        if version is None or version == LIVE:
            asked = _live_version(state)
        elif version == LATEST:
            asked = state.saved_version
        else:
            asked = self.resolve_version(workflow_id, version) or 0
        if not 1 <= asked <= state.version:
            raise VersionNotFound(asked, state.version, _subject(workflow_id))
        saved = recent[0] if state.stands_at(asked) else self._events_at(workflow_id, asked)[0]
        return SaveToStart(saved, recent[-1])

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
        """The version that a number, a snapshot id, ``live`` or ``latest`` names; a number may be beyond the head.

        Raises InvalidRequest for what is none of them; for a text WorkflowNotFound, VersionNotFound.
        """
        if version in (LIVE, LATEST):
            state = self.state_at(workflow_id, self.head(workflow_id))
            return _live_version(state) if version == LIVE else state.saved_version
        if isinstance(version, str):
            return self.version_of_snapshot(workflow_id, version)
        if version is not None and type(version) is not int:
            raise InvalidRequest(
                f"{name} {quoted(version)} is neither a whole number nor a snapshot id, nor 'live' or 'latest'"
            )
        return version

    def head(self, workflow_id: str) -> int:
        """The version of the last event. Raises WorkflowNotFound."""
        head = self._store.head(workflow_stream(workflow_id))
        if head == 0:
            raise missing_workflow(self._store, workflow_id)
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

    def find_key(self, workflow_id: str, key: str, upto: int) -> RecordedEvent | None:
        """The event that carries an idempotency key, among the first ``upto`` events of the workflow."""
        events = self._store.read(workflow_stream(workflow_id), upto=upto, backwards=True) if upto else ()
        return next((event for event in events if event.data.get("key") == key), None)

    def state_at(self, workflow_id: str, version: int) -> WorkflowState:
        """The state at a version that exists. Raises StorageCorrupt for a gap."""
        return state_of(workflow_id, self._events_at(workflow_id, version))

    def _events_at(self, workflow_id: str, version: int) -> list[RecordedEvent]:
        """The save that a version shows, and what followed up to that version. Raises StorageCorrupt for a gap."""
        stream = workflow_stream(workflow_id)
        events: list[RecordedEvent] = []
        for event in self._store.read(stream, upto=version, backwards=True):
            if event.version != version - len(events):
                break
            events.append(event)
            if event.type in SAVES:
                return events[::-1]
        raise StorageCorrupt(
            f"event {version - len(events)} of stream {stream!r} is missing in the store: verify tells what else is"
        )

    def versions(self, workflow_id: str) -> list[WorkflowVersion]:
        """The whole history, oldest first. Raises WorkflowNotFound."""
        found = versions_in(self._store.read(workflow_stream(workflow_id)))
        if not found:
            raise missing_workflow(self._store, workflow_id)
        return found

    def version_of_snapshot(self, workflow_id: str, snapshot_id: str) -> int:
        """The version of the save with a snapshot id. Raises WorkflowNotFound, VersionNotFound."""
        head = self.head(workflow_id)
        for event in self._store.read(workflow_stream(workflow_id), backwards=True):
            if event.data.get("snapshot_id") == snapshot_id:
                return event.version
        raise VersionNotFound(snapshot_id, head, _subject(workflow_id))

    def has_snapshot_id(self, snapshot_id: str) -> bool:
        """Whether some save of the store has this snapshot id already."""
        try:
            return bool(self._index.saves_named(snapshot_id))
        except StorageUnavailable:
            return False  # no index yet, so no list to confuse; if the store is away, the save fails


def _live_version(state: WorkflowState) -> int:
    """Raises VersionNotFound where every save is a draft."""
    if not state.live_version:
        raise VersionNotFound(LIVE, state.version, _subject(state.workflow_id))
    return state.live_version


def _subject(workflow_id: str) -> str:
    return f"workflow {quoted(workflow_id)}"
